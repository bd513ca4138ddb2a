"""What reorders, keeps or reduces tokens."""

from __future__ import annotations

from math import prod

from hiera_compiler.estimate.programs.program import Program
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import (
    AsGrid,
    AsTokens,
    CropGrid,
    FirstToken,
    JoinTokens,
    KeepUnits,
    Mean,
    Node,
    Op,
    PadGrid,
    RollGrid,
    SliceTokens,
    ToGrid,
    ToUnits,
    UnitLayout,
)


def _to_units(op: ToUnits, tape: Tape, node: Node, grid: Tensor) -> Tensor:
    if tape.regime.released_code:
        return _unrolled(op, tape, node, grid)
    x = window_major(tape, grid, op.layout)
    return tape.contiguous(x) if op.layout.is_raster else x


def window_major(tape: Tape, grid: Tensor, layout: UnitLayout) -> Tensor:
    """A grid of tokens by unit: ``[b, *grid, c]`` to ``[b, units, tokens, c]``."""
    folds, depth = layout.folds, len(layout.folds)
    sizes = [grid.shape[0]]
    for axis, size in enumerate(grid.shape[1:-1]):
        factors = [fold[axis] for fold in reversed(folds)]
        sizes += [size // prod(factors), *factors]
    starts = range(1, len(sizes), depth + 1)
    order = [*starts, *(start + depth - k for k in range(depth) for start in starts)]
    split = tape.reshape(grid, *sizes, grid.shape[-1]).permute(0, *order, len(sizes))
    return tape.reshape(split, grid.shape[0], prod(layout.units), prod(layout.unit), grid.shape[-1])


def _to_grid(op: ToGrid, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return raster(tape, x, op.layout)


def raster(tape: Tape, x: Tensor, layout: UnitLayout) -> Tensor:
    """Tokens of all units as a grid: ``[b, units, tokens, c]`` to ``[b, *grid, c]``."""
    axes, depth = len(layout.units), len(layout.folds)
    inner = [[1 + axes + axes * k + axis for k in reversed(range(depth))] for axis in range(axes)]
    order = [dim for axis in range(axes) for dim in (1 + axis, *inner[axis])]
    sides = [side for fold in layout.folds for side in fold]
    split = tape.reshape(x, x.shape[0], *layout.units, *sides, x.shape[-1])
    return tape.reshape(split.permute(0, *order, len(split.shape) - 1), x.shape[0], *layout.grid, x.shape[-1])


def planes(tape: Tape, x: Tensor, layout: UnitLayout) -> Tensor:
    """The channels of each unit as planes, in memory too: ``[b, units, tokens, c]`` to ``[b * units, c, *unit]``."""
    axes, depth = len(layout.units), len(layout.folds)
    sides = [side for fold in layout.folds for side in fold]
    split = tape.reshape(x, x.shape[0] * x.shape[1], *sides, x.shape[-1])
    order = [1 + axes * k + axis for axis in range(axes) for k in reversed(range(depth))]
    first = tape.contiguous(split.permute(0, len(sides) + 1, *order))
    return tape.reshape(first, *first.shape[:2], *layout.unit)


def _unrolled(op: ToUnits, tape: Tape, node: Node, grid: Tensor) -> Tensor:
    """The released code reorders fold by fold, with a copy for each, and puts the place in a unit first."""
    x, axes = grid, len(op.layout.units)
    for fold in op.layout.folds:
        rows, *sizes, channels = x.shape
        split = [side for size, step in zip(sizes, fold, strict=True) for side in (size // step, step)]
        outer, inner = range(1, 2 * axes + 1, 2), range(2, 2 * axes + 1, 2)
        x = tape.reshape(x, rows, *split, channels).permute(0, *inner, *outer, 2 * axes + 1)
        x = tape.reshape(x, rows * prod(fold), *split[::2], channels)
    return tape.reshape(x, grid.shape[0], *node.shape)


def _keep(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    if x.shape[1:] == node.shape:
        return x
    return tape.call("gather", (x,), (x.shape[0], *node.shape), x.dtype)


def _mean(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return tape.call("mean", (x,), (x.shape[0], *node.shape), x.dtype)


def as_shaped(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    """What the node reads in its own shape; of as many elements."""
    return tape.reshape(x, x.shape[0], *node.shape)


def _join_tokens(op: Op, tape: Tape, node: Node, front: Tensor, x: Tensor) -> Tensor:
    return tape.join(node.shape, front.expand(x.shape[0]), x)


def slice_tokens(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    """A view of as much of what the node reads as it has."""
    return x._replace(shape=(x.shape[0], *node.shape))


def _first_token(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return x.select(1).select(1)


def _pad_grid(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return tape.call("constant_pad_nd", (x,), (x.shape[0], *node.shape), x.dtype)


def _crop_grid(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return tape.contiguous(slice_tokens(op, tape, node, x))


def _roll_grid(op: RollGrid, tape: Tape, node: Node, x: Tensor) -> Tensor:
    for _ in filter(None, op.shift):  # one kernel for each axis
        x = tape.call("roll", (x,), x.shape, x.dtype)
    return x


PROGRAMS: dict[type[Op], Program] = {
    AsGrid: as_shaped,
    AsTokens: as_shaped,
    CropGrid: _crop_grid,
    FirstToken: _first_token,
    JoinTokens: _join_tokens,
    KeepUnits: _keep,
    Mean: _mean,
    PadGrid: _pad_grid,
    RollGrid: _roll_grid,
    SliceTokens: slice_tokens,
    ToGrid: _to_grid,
    ToUnits: _to_units,
}
