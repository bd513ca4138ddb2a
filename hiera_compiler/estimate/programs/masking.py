"""Masked autoencoding: what selects mask units and tokens, and what is to be predicted.

Which units a sample keeps is given as indices; they are drawn before the pass, and are not counted.
"""

from __future__ import annotations

from math import prod

from hiera_compiler.estimate.programs.order import raster, slice_tokens, window_major
from hiera_compiler.estimate.programs.program import BATCH, Program
from hiera_compiler.estimate.tape import Call, Tape
from hiera_compiler.estimate.tensor import Sizes, Tensor, row_major
from hiera_compiler.ir import Node, Op, UnitLayout
from hiera_compiler.ir.masking import (
    AddKept,
    Gradients,
    LastTokens,
    MaskedTokens,
    PatchEmbedKept,
    Patches,
    SquaredError,
    Standardise,
    UnitConv,
)


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


def _predicted(pixels: Tensor, op: Patches | Gradients) -> tuple[Tensor, list[int], list[int]]:
    """The predicted part of each frame, and how many patches there are along time and in a frame."""
    *frames, rows, columns = op.grid
    batch, channels, *sizes = pixels.shape
    strides = list(pixels.strides)
    if frames:
        strides[2] *= op.frame_step
    view = pixels._replace(shape=(batch, channels, *frames, *sizes[-2:]), strides=tuple(strides))
    return view, frames, [rows, columns]


def _patches(op: Patches, tape: Tape, node: Node, pixels: Tensor) -> Tensor:
    (height, width), (view, frames, (rows, columns)) = op.patch, _predicted(pixels, op)
    batch, channels, *_ = view.shape
    *outer, down, right = view.strides
    sizes = (batch, channels, *frames, rows, height, columns, width)
    split = view._replace(shape=sizes, strides=(*outer, down * height, down, right * width, right))
    order = (0, 2, 3, 5, 4, 6, 1) if frames else (0, 2, 4, 1, 3, 5)
    return tape.reshape(split.permute(*order), batch, *node.shape)


def _standardise(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    one = (*x.shape[:-1], 1)
    centred = tape.pointwise("sub", x, tape.call("mean", (x,), one, x.dtype))
    spread = tape.call("var", (x,), one, x.dtype)
    spread = tape.pointwise("sqrt", tape.pointwise("add", spread))
    return tape.pointwise("div", centred, spread)


def _gradients(op: Gradients, tape: Tape, node: Node, pixels: Tensor) -> Tensor:
    view, frames, (rows, columns) = _predicted(pixels, op)
    view = view.permute(0, *range(2, len(view.shape) - 2), 1, len(view.shape) - 2, len(view.shape) - 1)
    view = tape.cast(view, "fp32")
    down, right = (_difference(tape, view, axis) for axis in (-2, -1))
    angle = tape.pointwise("atan2", down, right)
    for name in ("remainder", "mul", "floor", "remainder"):
        angle = tape.pointwise(name, angle)
    squares = tape.pointwise("add", tape.pointwise("pow", down), tape.pointwise("pow", right))
    size = tape.pointwise("sqrt", squares)
    every = (*view.shape[:-2], op.bins, *view.shape[-2:])
    bins = tape.tensor((op.bins, 1, 1), "int64", fixed=True)
    same = tape.call("eq", (_with_bins(angle), bins), every, "bool")
    votes = tape.call("mul", (_with_bins(size), same), every, size.dtype)
    whole = rows * op.patch[0], columns * op.patch[1]
    votes = votes._replace(shape=(*every[:-2], *whole))
    votes = tape.reshape(votes, -1, op.bins, *whole)
    counted = (votes.shape[0], op.bins, *(side // op.cell for side in whole))
    cells = tape.reshape(tape.call("avg_pool2d", (votes,), counted, votes.dtype), *every[:-2], *counted[2:])
    if op.norm:
        cells = _normalised(tape, cells)
    return tape.cast(_cells_by_patch(op, tape, node, cells, len(frames)), pixels.dtype)


def _difference(tape: Tape, x: Tensor, axis: int) -> Tensor:
    """The difference of the two neighbours along an axis, and none at its ends."""
    inner = list(x.shape)
    inner[axis] -= 2
    ends = x._replace(shape=tuple(inner))
    return tape.call("constant_pad_nd", (tape.pointwise("sub", ends, ends),), x.shape, x.dtype)


def _with_bins(x: Tensor) -> Tensor:
    shape, strides = x.shape, x.strides
    return x._replace(shape=(*shape[:-2], 1, *shape[-2:]), strides=(*strides[:-2], 0, *strides[-2:]))


def _normalised(tape: Tape, cells: Tensor) -> Tensor:
    length = tape.call("sum", (tape.pointwise("pow", cells),), (*cells.shape[:-3], 1, *cells.shape[-2:]), cells.dtype)
    return tape.pointwise("div", cells, tape.pointwise("sqrt", tape.pointwise("add", length)))


def _cells_by_patch(op: Gradients, tape: Tape, node: Node, cells: Tensor, frames: int) -> Tensor:
    inside = [side // op.cell for side in op.patch]
    rows, columns = op.grid[-2:]
    split = tape.reshape(cells, *cells.shape[:-2], rows, inside[0], columns, inside[1])
    first = 1 + frames  # batch, (frames,) channels, bins, rows, y, columns, x
    order: Sizes = (*range(first), first + 2, first + 4, first, first + 1, first + 3, first + 5)
    return tape.reshape(split.permute(*order), cells.shape[0], *node.shape)


def _squared_error(op: Op, tape: Tape, node: Node, x: Tensor, y: Tensor) -> Tensor:
    squares = tape.pointwise("pow", tape.pointwise("sub", x, y))
    return tape.call("mean", (squares,), (), squares.dtype, row_major(()))


PROGRAMS: dict[type[Op], Program] = {
    AddKept: _add_kept,
    Gradients: _gradients,
    LastTokens: slice_tokens,
    MaskedTokens: _masked_tokens,
    PatchEmbedKept: _embed_kept,
    Patches: _patches,
    SquaredError: _squared_error,
    Standardise: _standardise,
    UnitConv: _unit_conv,
}
