"""H2xx: rules within one part of a spec."""

from __future__ import annotations

from collections.abc import Iterator

from hiera_compiler.diagnostics import Diagnostic, Label, code
from hiera_compiler.kinds import extents
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec


@code("H201")
def heads_divide_channels(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """The heads of a stage must divide its channels.

    Attention gives each head an equal slice of the channels. Hiera keeps the channels of a head constant
    by doubling the heads wherever the channels double.
    """
    for index, stage in enumerate(spec.stages):
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
    for path, rule, value in extents(spec):
        wanted = rule.length(spec.axes)
        if len(value) in (1, wanted):
            continue
        if path == ("input", "size"):
            what, fix = "a size", "write size: [height, width], and frames: N beside it for a clip"
        elif spec.axes == 2:
            what, fix = "an image", "write [height, width], or give the input frames to make it a clip"
        else:
            what, fix = "a clip", "write [time, height, width]"
        yield Diagnostic(
            "H202",
            f"{path[-1]} has {len(value)} numbers where {what} needs {wanted}",
            (Label(source.value(path), f"{len(value)} numbers"),),
            help=fix,
        )


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


def _any_of(numbers: list[int]) -> str:
    *others, last = (str(number) for number in numbers)
    return f"{', '.join(others)} or {last}" if others else last


AXIS_RULES = (extents_fit_the_input, separable_position_needs_frames)
STAGE_RULES = (heads_divide_channels,)
