"""What a masked autoencoder is to predict, and its loss."""

from __future__ import annotations

from hiera_compiler.estimate.programs.program import Program
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Sizes, Tensor, row_major
from hiera_compiler.ir import Node, Op
from hiera_compiler.ir.target import Gradients, Patches, SquaredError, Standardise


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
    Gradients: _gradients,
    Patches: _patches,
    SquaredError: _squared_error,
    Standardise: _standardise,
}
