"""Pooling."""

from __future__ import annotations

from math import prod

from hiera_compiler.estimate.programs import published_pool
from hiera_compiler.estimate.programs.order import raster, window_major
from hiera_compiler.estimate.programs.program import Program
from hiera_compiler.estimate.tape import Call, Tape
from hiera_compiler.estimate.tensor import Sizes, Tensor
from hiera_compiler.ir import MergeTokens, Node, Op, Pool, SlidingConvolution, SlidingPool, UnitLayout


def _pool(op: Pool, tape: Tape, node: Node, x: Tensor) -> Tensor:
    batch, units, tokens, channels = x.shape
    size = prod(op.fold)
    if tape.regime.released_code:
        split = tape.reshape(x, batch, size, units * tokens // size, channels)
        pooled = tape.maximum(split)
        return tape.reshape(pooled, batch, *node.shape)
    parts = tape.reshape(x, batch, units, size, tokens // size, channels)
    return tape.call("amax" if op.reduction == "max" else "mean", (parts,), (batch, *node.shape), x.dtype)


def _sliding_pool(op: SlidingPool, tape: Tape, node: Node, x: Tensor) -> Tensor:
    if tape.regime.released_code:
        return _put_back(tape, published_pool.reduced(op, tape, x), node, op.after)
    images = _padded(tape, op, as_images(tape, x, op.before))
    size = (images.shape[0], images.shape[1], *op.after.unit)
    strides: Sizes | None = images.kept_order(size)
    if op.reduction == "mean":
        strides = None if len(op.kernel) == 3 else strides  # of a clip it is channels first, whatever it read
        pooled = tape.call(f"avg_pool{len(op.kernel)}d", (images,), size, x.dtype, strides)
    else:
        pooled = tape.tensor(size, x.dtype, strides=strides)
        indices = tape.tensor(size, "int64", strides=strides)
        name = f"max_pool{len(op.kernel)}d_with_indices"
        tape.calls.append(Call(name, (images,), (pooled, indices), tape.node))
    return _put_back(tape, pooled, node, op.after)


def _padded(tape: Tape, op: SlidingPool, images: Tensor) -> Tensor:
    """The images with zeros around them, where a kernel is larger than a clip whose mean it takes."""
    if op.reduction == "max" or len(op.kernel) == 2 or all(map(int.__le__, op.kernel, op.before.unit)):
        return images
    sides = (side + 2 * pad for side, pad in zip(op.before.unit, op.padding, strict=True))
    size = (*images.shape[:2], *sides)
    return tape.call("constant_pad_nd", (images,), size, images.dtype, images.kept_order(size))


def _merge_tokens(op: MergeTokens, tape: Tape, node: Node, x: Tensor) -> Tensor:
    units = UnitLayout((1,) * len(op.stride), op.before.folds)
    grid = raster(tape, tape.reshape(x, x.shape[0] * x.shape[1], 1, *x.shape[2:]), units)
    axes, whole = len(op.stride), [-(-side // step) * step for side, step in zip(units.unit, op.stride, strict=True)]
    if tuple(whole) != units.unit:
        grid = tape.call("constant_pad_nd", (grid,), (grid.shape[0], *whole, x.shape[-1]), x.dtype)
    sizes = [number for side, step in zip(whole, op.stride, strict=True) for number in (side // step, step)]
    split = tape.reshape(grid, grid.shape[0], *sizes, x.shape[-1])
    merged = split.permute(0, *range(1, 2 * axes, 2), *range(2 * axes, 0, -2), 2 * axes + 1)
    merged = tape.reshape(merged, grid.shape[0], *op.after.unit, node.shape[-1])
    made = window_major(tape, merged, UnitLayout((1,) * axes, op.after.folds))
    return tape.reshape(made, x.shape[0], *node.shape)


def _sliding_convolution(op: SlidingConvolution, tape: Tape, node: Node, x: Tensor) -> Tensor:
    if tape.regime.released_code:
        # Without mask units it is the norm that follows that makes the copy.
        return _put_back(tape, published_pool.convolved(op, tape, x), node, op.after)
    images = as_images(tape, x, op.before)
    return as_units(tape, tape.depthwise(images, op.channels, op.kernel, op.after.unit), node, op.after)


def _put_back(tape: Tape, images: Tensor, node: Node, layout: UnitLayout) -> Tensor:
    """Pooled units in their places again, in memory too."""
    return tape.contiguous(as_units(tape, images, node, layout))


def as_images(tape: Tape, x: Tensor, layout: UnitLayout) -> Tensor:
    """Each unit as an image of its own: ``[b * units, c, *unit]``."""
    rows = tape.reshape(x, x.shape[0] * x.shape[1], 1, *x.shape[2:])
    unit = UnitLayout((1,) * len(layout.units), layout.folds)
    grid = raster(tape, rows, unit)
    return grid.permute(0, len(grid.shape) - 1, *range(1, len(grid.shape) - 1))


def as_units(tape: Tape, images: Tensor, node: Node, layout: UnitLayout) -> Tensor:
    """Images as the tokens of a node."""
    grid = images.permute(0, *range(2, len(images.shape)), 1)
    units = window_major(tape, grid, UnitLayout((1,) * len(layout.units), layout.folds))
    return tape.reshape(units, units.shape[0] // node.shape[0], *node.shape)


PROGRAMS: dict[type[Op], Program] = {
    MergeTokens: _merge_tokens,
    Pool: _pool,
    SlidingConvolution: _sliding_convolution,
    SlidingPool: _sliding_pool,
}
