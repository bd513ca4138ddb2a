"""Masking: what selects mask units and tokens.

Which units a sample keeps is given as indices; they are drawn before the pass, and are not counted.
"""

from __future__ import annotations

from math import prod

from hiera_compiler.estimate.programs.order import raster, slice_tokens, window_major
from hiera_compiler.estimate.programs.program import BATCH, Program
from hiera_compiler.estimate.tape import Call, Tape
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import Node, Op, UnitLayout
from hiera_compiler.ir.masking import AddKept, LastTokens, MaskedTokens, PatchEmbedKept, UnitConv


def _embed_kept(op: PatchEmbedKept, tape: Tape, node: Node, pixels: Tensor) -> Tensor:
    batch, channels, units = pixels.shape[0], pixels.shape[1], op.layout.units
    kept = tape.tensor((batch, op.count), "int64")
    whole = tape.pointwise("mul", pixels, _shown_pixels(tape, op, pixels, kept))
    padded = (size + 2 * pad for size, pad in zip(pixels.shape[2:], op.embed.padding, strict=True))
    whole = tape.call("constant_pad_nd", (whole,), (batch, channels, *padded), whole.dtype)
    places = []
    for _ in units:
        places.append(tape.call("remainder", (kept,), kept.shape, "int64"))
        kept = tape.call("floor_divide", (kept,), kept.shape, "int64")
    sample = tape.tensor((batch, 1), "int64", fixed=True)
    cut = (batch, op.count, channels, *op.window)
    windows = tape.call("index", (_windows(whole, op), sample, *places), cut, whole.dtype)
    images = tape.reshape(windows, batch * op.count, channels, *op.window)
    grid = tape.convolution(images, op.embed.out_channels, op.embed.kernel, op.layout.unit)
    inside = UnitLayout((1,) * len(units), op.layout.folds)
    tokens = window_major(tape, grid.permute(0, *range(2, len(grid.shape)), 1), inside)
    return tape.contiguous(tape.reshape(tokens, batch, *node.shape))


def _shown_pixels(tape: Tape, op: PatchEmbedKept, pixels: Tensor, kept: Tensor) -> Tensor:
    """One where a pixel is of a unit that is kept; pixels beyond the last unit go with it."""
    batch, units, size = pixels.shape[0], op.layout.units, pixels.shape[2:]
    blank = tape.call("new_zeros", (pixels,), (batch, prod(units)), pixels.dtype)
    seen = tape.call("scatter", (blank, kept), blank.shape, pixels.dtype)
    sides = [side * stride for side, stride in zip(op.layout.unit, op.embed.stride, strict=True)]
    pairs = [sizes for pair in zip(units, sides, strict=True) for sizes in pair]
    steps = [step for axis in range(len(units)) for step in (prod(units[axis + 1 :]), 0)]
    spread = seen._replace(shape=(batch, 1, *pairs), strides=(prod(units), prod(units), *steps))
    shown = tape.reshape(spread, batch, 1, *(count * side for count, side in zip(units, sides, strict=True)))
    if any(have > whole for have, whole in zip(size, shown.shape[2:], strict=True)):
        padded = (batch, 1, *map(max, size, shown.shape[2:]))
        shown = tape.call(f"replication_pad{len(units)}d", (shown,), padded, shown.dtype)
    return shown._replace(shape=(batch, 1, *size))


def _windows(pixels: Tensor, op: PatchEmbedKept) -> Tensor:
    """The pixels that each unit's tokens read, as a view in which neighbours overlap."""
    batch, channels, *inner = pixels.strides
    steps = [side * step * stride for side, step, stride in zip(op.layout.unit, op.embed.stride, inner, strict=True)]
    shape = (pixels.shape[0], *op.layout.units, pixels.shape[1], *op.window)
    return pixels._replace(shape=shape, strides=(batch, *steps, channels, *inner))


def _add_kept(op: Op, tape: Tape, node: Node, x: Tensor, table: Tensor) -> Tensor:
    rows = prod(x.shape[:2])
    place = tape.tensor((rows,), "int64")
    kept = tape.call("index_select", (table.select(0), place), (rows, *x.shape[2:]), table.dtype)
    return tape.pointwise("add", x, tape.reshape(kept, *x.shape))


def _unit_conv(op: UnitConv, tape: Tape, node: Node, x: Tensor) -> Tensor:
    size = prod(op.kernel)
    pieces = tape.reshape(x, *x.shape[:2], size, x.shape[2] // size, x.shape[3]).transpose(2, 3)
    pieces = tape.reshape(pieces, *pieces.shape[:3], -1)
    weight = tape.parameter(op.out_channels, op.in_channels, *op.kernel)
    grid = weight.permute(0, *range(2, len(weight.shape)), 1)
    weight = window_major(tape, grid, UnitLayout((1,) * len(op.kernel), op.folds))
    return tape.linear(pieces, op.out_channels, weight=tape.reshape(weight, op.out_channels, -1))


def _masked_tokens(op: MaskedTokens, tape: Tape, node: Node, x: Tensor) -> Tensor:
    masked = _masked_places(tape, BATCH, op.layout, op.kept)
    rows = tape.reshape(x, x.shape[0], -1, x.shape[-1])
    if rows.shape[0] < BATCH:  # of a table
        rows = rows._replace(shape=(BATCH, *rows.shape[1:]), strides=(0, *rows.strides[1:]))
    index = masked._replace(shape=(*masked.shape, x.shape[-1]), strides=(*masked.strides, 0))
    return tape.call("gather", (rows, index), (BATCH, *node.shape), x.dtype)


def _masked_places(tape: Tape, batch: int, layout: UnitLayout, kept: int) -> Tensor:
    """The places of the tokens of units that are not kept."""
    units, unit, tokens = prod(layout.units), prod(layout.unit), prod(layout.grid)
    blank = tape.tensor((batch, units), "int64", fixed=True)
    seen = tape.call("scatter", (blank, tape.tensor((batch, kept), "int64")), blank.shape, "int64")
    seen = tape.call("_to_copy", (seen,), seen.shape, "bool")
    seen = tape.call("_to_copy", (seen,), seen.shape, "int64")
    spread = seen._replace(shape=(batch, units, unit, 1), strides=(units, 1, 0, 0))
    grid = tape.reshape(raster(tape, spread, layout), batch, tokens)
    grid = tape.call("mul", (grid,), grid.shape, "int64")
    numbers = tape.tensor((tokens,), "int64", fixed=True)
    places = tape.call("add", (numbers, grid), grid.shape, "int64")
    values, indices = (tape.tensor((batch, tokens - kept * unit), "int64") for _ in range(2))
    tape.calls.append(Call("topk", (places,), (values, indices), tape.node))
    return values


PROGRAMS: dict[type[Op], Program] = {
    AddKept: _add_kept,
    LastTokens: slice_tokens,
    MaskedTokens: _masked_tokens,
    PatchEmbedKept: _embed_kept,
    UnitConv: _unit_conv,
}
