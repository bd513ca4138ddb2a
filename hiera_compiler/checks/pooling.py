"""H301 and H305 to H307: rules on how the stages pool, one after another. They see the resolved spec.

They read of a stage only how it pools: so a search applies them once to each distinct trunk.
"""

from __future__ import annotations

from collections.abc import Iterator

from hiera_compiler.diagnostics import Diagnostic, Label, code, times
from hiera_compiler.ir import UnitLayout
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec
from hiera_compiler.spec.grids import token_grid, total_stride


@code("H301")
def pooling_stays_inside_the_mask_unit(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Pooling happens inside a mask unit, so a unit's side must be divisible by all its strides.

    That is what lets masked pretraining drop whole units: no pooled token mixes two units (Hiera, section 3).
    A unit of 8 tokens allows three poolings by 2, as the published models have them.
    """
    if spec.mask_unit is None:
        return
    side = spec.mask_unit
    for index, stage in enumerate(spec.stages):
        if stage.pool is None:
            continue
        stride = stage.pool.stride
        if any(have % step for have, step in zip(side, stride, strict=True)):
            needed = total_stride(spec, spec.stages)
            yield Diagnostic(
                "H301",
                f"the mask unit has {times(side)} tokens here and cannot be pooled by {times(stride)}",
                (
                    Label(source.value(("stages", index, "pool")), f"pools by {times(stride)}"),
                    Label(source.value(("mask_unit",)), f"the mask unit starts with {times(spec.mask_unit)} tokens"),
                ),
                help=f"use a mask unit that is a multiple of {times(needed)}, or one pooling fewer",
            )
            return
        side = tuple(have // step for have, step in zip(side, stride, strict=True))


@code("H305")
def pooling_leaves_whole_mask_units(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """A kernel that slides over a mask unit must give one token for each stride.

    Each mask unit is pooled as an image of its own, so that none sees another. Along an axis a unit of n tokens gives
    floor((n + 2 padding - kernel) / stride) + 1, and n / stride are wanted: so the kernel less twice the padding is
    at least 1 and at most the stride, as with a kernel of 3, a stride of 2 and a padding of 1.
    """
    side = spec.mask_unit
    for index, stage in enumerate(spec.stages):
        if side is None or stage.pool is None:
            continue
        wanted = tuple(have // step for have, step in zip(side, stage.pool.stride, strict=True))
        made = stage.pool.pooled(UnitLayout.raster(side)).unit
        if made != wanted:
            yield Diagnostic(
                "H305",
                f"pooling makes {times(made)} tokens of a mask unit of {times(side)}, not {times(wanted)}",
                (Label(source.value(("stages", index, "pool")), f"makes {times(made)} tokens"),),
                help="use a kernel that, less twice the padding, is at least 1 and at most the stride",
            )
            return
        side = wanted


@code("H306")
def pooling_leaves_tokens(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Pooling must leave at least one token along each axis.

    Without mask units the whole grid is pooled: n tokens along an axis give
    floor((n + 2 padding - kernel) / stride) + 1, and what does not fill a kernel at the end is left out.
    """
    if spec.mask_unit is not None:
        return
    layout = UnitLayout.raster(token_grid(spec))
    for index, stage in enumerate(spec.stages):
        if stage.pool is None:
            continue
        before, layout = layout, stage.pool.pooled(layout)
        if min(layout.grid) < 1:
            yield Diagnostic(
                "H306",
                f"{times(before.grid)} tokens cannot be pooled by {times(stage.pool.stride)}",
                (Label(source.value(("stages", index, "pool")), f"pools by {times(stage.pool.stride)}"),),
                help="use a larger input, a smaller stride or kernel, or one pooling fewer",
            )
            return


@code("H307")
def pooling_before_blocks_has_no_class_token(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """A class token has no neighbours that could be merged with it into one token of more channels."""
    for index, stage in enumerate(spec.stages):
        if spec.class_token and stage.pool is not None and stage.pool.before_block:
            yield Diagnostic(
                "H307",
                f"{stage.pool.kind} pooling has no place for a class token",
                (
                    Label(source.value(("stages", index, "pool")), "acts before the block"),
                    Label(source.value(("class_token",)), "one more token"),
                ),
                help="use pool: max, or leave out the class token",
            )


POOL_RULES = (
    pooling_stays_inside_the_mask_unit,
    pooling_leaves_whole_mask_units,
    pooling_before_blocks_has_no_class_token,
)
