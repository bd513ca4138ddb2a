"""H2xx: rules within one part of a spec.

The rules on the axes see the whole spec, as it is written. The rules on a stage see that one, resolved, and nothing
else: so a search applies them once to each distinct stage.
"""

from __future__ import annotations

from collections.abc import Iterator

from hiera_compiler.diagnostics import Diagnostic, Label, code
from hiera_compiler.kinds import extents
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec, Stage
from hiera_compiler.spec.fields import Path


@code("H201")
def heads_divide_channels(stage: Stage, index: int, source: Source) -> Iterator[Diagnostic]:
    """The heads of a stage must divide its channels.

    Attention gives each head an equal slice of the channels. Hiera keeps the channels of a head constant
    by doubling the heads wherever the channels double.
    """
    if stage.channels % stage.heads:
        lawful = [heads for heads in range(1, stage.channels + 1) if stage.channels % heads == 0]
        near = sorted(sorted(lawful, key=lambda heads: abs(heads - stage.heads))[:3])
        yield Diagnostic(
            "H201",
            f"{stage.heads} heads do not divide {stage.channels} channels",
            (
                Label(source.value(("stages", index, "heads")), f"{stage.heads} heads"),
                Label(source.value(("stages", index, "channels")), f"{stage.channels} channels"),
            ),
            help=f"use {_any_of(near)} heads",
        )


@code("H202")
def extents_fit_the_input(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """An image has two axes (height, width), a clip three (time, height, width).

    Kernels, strides, paddings and the mask unit take one number per axis. One number alone stands for
    height and width, and leaves time as it is. The size of the input is always height and width; a clip
    says its time with `frames`.
    """
    wrong = {path: value for path, rule, value in extents(spec) if len(value) not in (1, rule.length(spec.axes))}
    size = wrong.pop(("input", "size"), None)
    if size is not None:
        yield Diagnostic(
            "H202",
            f"the input's size has {len(size)} numbers, and it is a height and a width",
            (Label(source.value(("input", "size")), f"{len(size)} numbers"),),
            help=f"write size: {list(size[-2:])}, and frames: {size[0]} beside it for a clip",
        )
    elif wrong:
        yield _extents_of_another_input(wrong, spec, source)


def _extents_of_another_input(wrong: dict[Path, tuple[int, ...]], spec: Spec, source: Source) -> Diagnostic:
    """All of them in one diagnostic: the likely cause is one, that the input is meant as the other."""
    labels = [Label(source.value(path), f"{len(value)} numbers") for path, value in wrong.items()]
    *others, last = (str(path[-1]) for path in wrong)
    names, has = (f"{', '.join(others)} and {last}", "have") if others else (last, "has")
    value = next(iter(wrong.values()))
    if spec.axes == 3:
        message = f"the input is a clip, and {names} {has} {len(value)} numbers instead of 3"
        labels.append(Label(source.key(("input", "frames")), "makes it a clip"))
        fix = f"write [time, height, width], such as {[1, *value]}, or leave out the frames"
    else:
        message = f"the input is an image, and {names} {has} {len(value)} numbers instead of 2"
        labels.append(Label(source.key(("input",)), "has no frames"))
        fix = f"write [height, width], such as {list(value[-2:])}, or give the input frames"
    return Diagnostic("H202", message, tuple(labels), help=fix)


@code("H203")
def separable_position_needs_frames(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Separable position embedding is one table for space and one for time, so it needs a clip."""
    if spec.position.kind == "separable" and spec.axes == 2:
        yield Diagnostic(
            "H203",
            "separable position embedding needs a clip, and the input is an image",
            (
                Label(source.value(("position",)), "has a table for time"),
                Label(source.value(("input",)), "has no frames"),
            ),
            help="use position: absolute, or give the input frames",
        )


@code("H204")
def mlp_has_hidden_channels(stage: Stage, index: int, source: Source) -> Iterator[Diagnostic]:
    """The MLP of a block needs at least one hidden channel: channels times mlp_ratio, rounded down."""
    ratio = stage.mlp_ratio
    if ratio is not None and int(stage.channels * ratio) < 1:
        own = ("stages", index, "mlp_ratio")
        path = own if own in source.places else ("mlp_ratio",)
        yield Diagnostic(
            "H204",
            f"an mlp_ratio of {ratio:g} leaves {stage.channels} channels no hidden channel",
            (Label(source.value(path), f"{stage.channels} x {ratio:g} is less than 1"),),
            help=f"use an mlp_ratio of at least {max(1, -(-1000 // stage.channels)) / 1000}; Hiera uses 4",
        )


def _any_of(numbers: list[int]) -> str:
    *others, last = (str(number) for number in numbers)
    return f"{', '.join(others)} or {last}" if others else last


AXIS_RULES = (extents_fit_the_input, separable_position_needs_frames)
STAGE_RULES = (heads_divide_channels, mlp_has_hidden_channels)
