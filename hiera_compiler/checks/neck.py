"""H35x: rules on the neck. They see the resolved spec, and of a stage only how it pools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hiera_compiler.diagnostics import Diagnostic, Label, code, times
from hiera_compiler.kinds.neck.feature_pyramid import FeaturePyramid
from hiera_compiler.kinds.neck.simple_feature_pyramid import SimpleFeaturePyramid
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec
from hiera_compiler.spec.grids import map_grids, total_stride


@code("H350")
def neck_reads_stages_that_are_there(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """The stages that a neck reads must be stages of the model, from the finest to the last; the first one is 0.

    The last must be among them: stages after all that are read would run for nothing.
    """
    if spec.neck is None:
        return
    last = len(spec.stages) - 1
    read = spec.neck.reads(last + 1)
    wrong = [place for place, stage in enumerate(read) if stage > last or (place and stage <= read[place - 1])]
    if not wrong and read[-1:] == (last,):
        return
    place, stage = (wrong[0], read[wrong[0]]) if wrong else (len(read) - 1, read[-1])
    if stage > last:
        message = f"the neck reads stages.{stage}, and the last stage is stages.{last}"
    elif wrong:
        message = f"the neck reads stages.{stage} after stages.{read[place - 1]}"
    else:
        message = f"the neck reads stages.{stage} last, and what follows it to stages.{last} would run for nothing"
    yield Diagnostic(
        "H350",
        message,
        (Label(source.value(("neck", "stages", place)), "counted from 0"),),
        help=f"use numbers that grow and end with {last}, or leave out stages to read all",
    )


@code("H351")
def levels_meet(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """In a feature pyramid the map of a stage must be a whole number of times as large as that of the next one.

    Each token of the coarser level is repeated, and added to the tokens of the finer level that it stands for. Poolings
    that leave out what does not fill a kernel, and patch merging that adds zeros, can break this. Two stages of one
    resolution are lawful: nothing is repeated then.
    """
    if not isinstance(spec.neck, FeaturePyramid):
        return
    grids = list(map_grids(spec))
    read = spec.neck.reads(len(grids))
    for fine, coarse in pairwise(read):
        if not _is_multiple(grids[fine], grids[coarse]):
            pools = next(at for at in range(coarse, fine, -1) if spec.stages[at].pool is not None)
            strides = times(total_stride(spec, spec.stages))
            yield Diagnostic(
                "H351",
                f"the map of stage {fine + 1} has {times(grids[fine])} tokens, which is no multiple of the "
                f"{times(grids[coarse])} of stage {coarse + 1}",
                (
                    Label(source.value(("stages", pools, "pool")), f"leaves {times(grids[coarse])} tokens"),
                    Label(source.value(("neck",)), f"adds this level to one of {times(grids[fine])}"),
                ),
                help=f"use a token grid that is a multiple of {strides} and kernels that fill it, or "
                f"stages: {_meeting(read, grids)} in the neck",
            )
            return


def _meeting(read: Sequence[int], grids: Sequence[tuple[int, ...]]) -> list[int]:
    """Of the stages that are read the last, and before it those whose maps are multiples of the next one's."""
    kept = [read[-1]]
    for stage in reversed(read[:-1]):
        if _is_multiple(grids[stage], grids[kept[0]]):
            kept.insert(0, stage)
    return kept


def _is_multiple(fine: tuple[int, ...], coarse: tuple[int, ...]) -> bool:
    return not any(side % step for side, step in zip(fine, coarse, strict=True))


@code("H352")
def last_map_can_be_halved(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """The coarsest level of a simple feature pyramid has half the height and width of the last map: both must be even.

    ViTDet's last map has 64x64 tokens: 1024 pixels by patches of 16.
    """
    if not isinstance(spec.neck, SimpleFeaturePyramid):
        return
    *_, last = map_grids(spec)
    if any(side % 2 for side in last[-2:]):
        steps = zip(spec.patch.stride[-2:], total_stride(spec, spec.stages)[-2:], strict=True)
        needed = " and ".join(dict.fromkeys(str(2 * patch * stride) for patch, stride in steps))
        yield Diagnostic(
            "H352",
            f"the last map has {times(last)} tokens, whose height and width cannot both be halved",
            (
                Label(source.value(("neck",)), "has a level of half the height and width"),
                Label(source.value(("input", "size")), f"{times(spec.input_shape[-2:])} pixels"),
            ),
            help=f"use a height and a width that are multiples of {needed} pixels, or the kind feature_pyramid",
        )


NECK_RULES = (neck_reads_stages_that_are_there,)
LEVEL_RULES = (levels_meet, last_map_can_be_halved)
