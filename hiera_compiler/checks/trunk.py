"""H3xx: rules across the stages. They see the resolved spec.

But for the limit on all blocks together, they read of a stage only how it pools: so a search applies them once to
each distinct trunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from hiera_compiler.diagnostics import Diagnostic, Label, any_of, code, times
from hiera_compiler.ir import PatchEmbed, ShapeError, UnitLayout
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec, Stage

MAX_TOKENS = 1_000_000
"""Tokens of the first stage; Hiera at 1024 pixels has 65 536."""

MAX_BLOCKS = 1_000
"""Blocks of all stages together; Hiera-H has 48."""


def token_grid(spec: Spec) -> tuple[int, ...]:
    """The token grid of the first stage; raises ShapeError where the patch kernel does not fit the input."""
    patch = spec.patch
    embed = PatchEmbed(1, 1, patch.kernel, patch.stride, patch.padding)
    return embed.grid(spec.input_shape[1:])


def total_stride(spec: Spec, stages: Sequence[Stage]) -> tuple[int, ...]:
    """By how much these stages of a spec pool together, along each axis."""
    strides = [stage.pool.stride for stage in stages if stage.pool is not None]
    return tuple(prod(axis) for axis in zip((1,) * spec.axes, *strides, strict=True))


@code("H301")
def pooling_stays_inside_the_mask_unit(spec: Spec, source: Source) -> Iterator[Diagnostic]:
    """Pooling happens inside a mask unit, so a unit's side must be divisible by all its strides.

    That is what lets masked pretraining drop whole units: no pooled token mixes two units (Hiera, section 3).
    A unit of 8 tokens allows three poolings by 2, as the published models have them.
    """
    side = spec.mask_unit
    if side is None or spec.mask_unit is None:
        return
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
POOL_RULES = (
    pooling_stays_inside_the_mask_unit,
    pooling_leaves_whole_mask_units,
    pooling_before_blocks_has_no_class_token,
)
DEPTH_RULES = (blocks_are_limited,)
GRID_RULES = (input_is_whole_mask_units, pooling_leaves_tokens, tokens_are_limited)
