"""H3xx: rules on the patches, the token grid and its size, and the limit on all blocks. They see the resolved spec.

But for that limit they read nothing of the stages: so a search applies them once to each distinct trunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from hiera_compiler.checks.pooling import pooling_leaves_tokens
from hiera_compiler.diagnostics import Diagnostic, Label, any_of, code, times
from hiera_compiler.ir import ShapeError
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec
from hiera_compiler.spec.grids import token_grid

MAX_TOKENS = 1_000_000
"""Tokens of the first stage; Hiera at 1024 pixels has 65 536."""

MAX_BLOCKS = 1_000
"""Blocks of all stages together; Hiera-H has 48."""


@code("H302")
def input_is_whole_mask_units(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """The token grid must be a whole number of mask units along each axis.

    The patch embedding makes floor((size + 2 padding - kernel) / stride) + 1 tokens along an axis. With
    Hiera's patches of 4 pixels and units of 8 tokens, sizes are multiples of 32.
    """
    grid = token_grid(spec)
    if spec.mask_unit is None:
        return
    wrong = [axis for axis, (n, side) in enumerate(zip(grid, spec.mask_unit, strict=True)) if n % side]
    if not wrong:
        return
    time = spec.axes == 3 and 0 in wrong
    place = ("input", "frames") if time else ("input", "size")
    names = ("frames", "height", "width")[-spec.axes :]
    near: dict[tuple[int, ...], list[str]] = {}
    for axis in wrong:
        near.setdefault(tuple(_nearest_sizes(spec, axis, spec.mask_unit[axis])), []).append(names[axis])
    fits = "; ".join(f"{' and '.join(axes)} {any_of(sizes)}" for sizes, axes in near.items() if sizes)
    yield Diagnostic(
        "H302",
        f"{times(grid)} tokens are not whole mask units of {times(spec.mask_unit)}",
        (
            Label(source.value(place), f"makes {times(grid)} tokens"),
            Label(source.value(("mask_unit",)), f"{times(spec.mask_unit)} tokens a unit"),
        ),
        help=f"nearest that fit: {fits}" if fits else "use a smaller mask unit",
    )


def _nearest_sizes(spec: Spec, axis: int, side: int) -> list[int]:
    """The nearest smaller and larger input that is whole units along an axis."""
    size = spec.input_shape[1 + axis]
    kernel, stride, padding = (extent[axis] for extent in (spec.patch.kernel, spec.patch.stride, spec.patch.padding))
    tokens = (size + 2 * padding - kernel) // stride + 1
    units = tokens // side
    # A span of sizes gives the same token count; the multiple of the stride in it is the one people use.
    counts = [count * side for count in (units, units + 1) if count > 0]
    lows = [(count - 1) * stride + kernel - 2 * padding for count in counts]
    return [-(-low // stride) * stride or low + stride - 1 for low in lows if low + stride > 1]


@code("H303")
def patch_fits_the_input(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """The patch kernel must fit into the padded input at least once along each axis."""
    try:
        token_grid(spec)
    except ShapeError:
        size, patch = spec.input_shape[1:], spec.patch
        least = tuple(max(1, k - 2 * pad, n) for n, k, pad in zip(size, patch.kernel, patch.padding, strict=True))
        most = tuple(min(k, n + 2 * pad) for n, k, pad in zip(size, patch.kernel, patch.padding, strict=True))
        yield Diagnostic(
            "H303",
            f"a patch kernel of {times(spec.patch.kernel)} does not fit an input of {times(spec.input_shape[1:])}",
            (
                Label(source.value(("patch", "kernel")), f"{times(spec.patch.kernel)}"),
                Label(source.value(("input",)), f"{times(spec.input_shape[1:])}"),
            ),
            help=f"use an input of at least {times(least)}, or a kernel of at most {times(most)}",
        )


@code("H304")
def padding_is_less_than_the_kernel(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """The patch padding must be less than its kernel, or some tokens would see only zeros."""
    kernel, padding = spec.patch.kernel, spec.patch.padding
    if any(pad >= size for pad, size in zip(padding, kernel, strict=True)):
        yield Diagnostic(
            "H304",
            f"a padding of {times(padding)} is not less than the kernel of {times(kernel)}",
            (Label(source.value(("patch", "padding")), "makes tokens that see only zeros"),),
            help=f"use a padding of about half the kernel: {[size // 2 for size in kernel]}",
        )


@code("H310")
def tokens_are_limited(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """A model may have at most 1 000 000 tokens in its first stage.

    That is 15 times Hiera at 1024 x 1024 pixels; beyond it a number is more likely mistyped than meant.
    """
    tokens = prod(token_grid(spec))
    if tokens > MAX_TOKENS:
        yield Diagnostic(
            "H310",
            f"the first stage would have {tokens:_} tokens, and the limit is {MAX_TOKENS:_}".replace("_", " "),
            (Label(source.value(("input",)), f"{times(spec.input_shape[1:])}"),),
            help="use a smaller input, fewer frames or a larger patch stride",
        )


@code("H311")
def blocks_are_limited(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """A model may have at most 1 000 blocks. The deepest published Hiera has 48."""
    if spec.depth > MAX_BLOCKS:
        deepest = max(range(len(spec.stages)), key=lambda index: spec.stages[index].depth)
        most = spec.stages[deepest].depth - (spec.depth - MAX_BLOCKS)
        yield Diagnostic(
            "H311",
            f"the stages have {spec.depth} blocks together, and the limit is {MAX_BLOCKS}",
            (Label(source.value(("stages", deepest, "depth")), "the deepest stage"),),
            help=f"use at most {most} blocks in this stage" if most > 0 else "use fewer blocks in every stage",
        )


PATCH_RULES = (patch_fits_the_input, padding_is_less_than_the_kernel)
DEPTH_RULES = (blocks_are_limited,)
GRID_RULES = (input_is_whole_mask_units, pooling_leaves_tokens, tokens_are_limited)
