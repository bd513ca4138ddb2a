"""Each primitive of the graph as calls on a tape: what its Python text does, and what the released code does.

One function per primitive. It gets the tape, the node, and the tensors that the node reads, with the batch as
first axis, and returns the tensor that the node stands for.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import (
    Activate,
    Add,
    Attend,
    Dropout,
    DropPath,
    Input,
    KeepUnits,
    Linear,
    Mean,
    Node,
    Norm,
    Op,
    PatchEmbed,
    Pool,
    Split,
    Table,
    ToUnits,
)

Program = Callable[..., Tensor]
BATCH = 2
"""The batch on the tape; all that grows with the batch is divided by it afterwards."""


def _input(tape: Tape, node: Node) -> Tensor:
    # A caller hands over pixels in the dtype of the matrix products: benchmarks convert them beforehand.
    return tape.tensor((BATCH, *node.shape), "fp16" if tape.regime.autocast else tape.regime.weights)


def _patch_embed(tape: Tape, node: Node, x: Tensor) -> Tensor:
    op: Any = node.op
    grid = tape.convolution(x, op.out_channels, op.kernel, node.shape[:-1])
    return grid.permute(0, *range(2, len(grid.shape)), 1)


def _table(tape: Tape, node: Node) -> Tensor:
    return tape.parameter(1, *node.shape)


def _add(tape: Tape, node: Node, x: Tensor, y: Tensor) -> Tensor:
    if x.fixed and y.fixed:  # position tables, broadcast against each other
        dtype = "fp32" if "fp32" in (x.dtype, y.dtype) else x.dtype
        return tape.call("add", (x, y), (1, *node.shape), dtype)
    return tape.pointwise("add", x, y)


def _to_units(tape: Tape, node: Node, grid: Tensor) -> Tensor:
    op: Any = node.op
    if tape.regime.released_code:
        return _unrolled(tape, node, grid)
    folds, depth = op.layout.folds, len(op.layout.folds)
    sizes = [grid.shape[0]]
    for axis, size in enumerate(grid.shape[1:-1]):
        factors = [fold[axis] for fold in reversed(folds)]
        sizes += [size // prod(factors), *factors]
    starts = range(1, len(sizes), depth + 1)
    order = [*starts, *(start + depth - k for k in range(depth) for start in starts)]
    split = tape.reshape(grid, *sizes, grid.shape[-1]).permute(0, *order, len(sizes))
    return tape.reshape(split, grid.shape[0], *node.shape)


def _unrolled(tape: Tape, node: Node, grid: Tensor) -> Tensor:
    """The released code reorders fold by fold, with a copy for each, and puts the place in a unit first."""
    op: Any = node.op
    x, axes = grid, len(op.layout.units)
    for fold in op.layout.folds:
        rows, *sizes, channels = x.shape
        split = [side for size, step in zip(sizes, fold, strict=True) for side in (size // step, step)]
        outer, inner = range(1, 2 * axes + 1, 2), range(2, 2 * axes + 1, 2)
        x = tape.reshape(x, rows, *split, channels).permute(0, *inner, *outer, 2 * axes + 1)
        x = tape.reshape(x, rows * prod(fold), *split[::2], channels)
    return tape.reshape(x, grid.shape[0], *node.shape)


def _norm(tape: Tape, node: Node, x: Tensor) -> Tensor:
    return tape.layer_norm(x)


def _linear(tape: Tape, node: Node, x: Tensor) -> Tensor:
    op: Any = node.op
    return tape.linear(x, op.out_channels)


def _split(tape: Tape, node: Node, x: Tensor) -> Tensor:
    op: Any = node.op
    return x.narrow(op.parts)


def _pool(tape: Tape, node: Node, x: Tensor) -> Tensor:
    op: Any = node.op
    batch, units, tokens, channels = x.shape
    size = prod(op.fold)
    if tape.regime.released_code:
        split = tape.reshape(x, batch, size, units * tokens // size, channels)
        pooled = tape.maximum(split)
        return tape.reshape(pooled, batch, *node.shape)
    parts = tape.reshape(x, batch, units, size, tokens // size, channels)
    return tape.call("amax", (parts,), (batch, *node.shape), x.dtype)


def _attend(tape: Tape, node: Node, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    op: Any = node.op
    batch, units, _, channels = query.shape
    width = channels // op.heads
    if tape.regime.released_code:
        windows = 1 if op.across_units else units

        def five_axes(x: Tensor) -> Tensor:
            tokens = prod(x.shape[1:3]) // windows
            if x.contiguous:  # pooled queries, which the released code pools head by head
                return tape.reshape(x, batch, op.heads, windows, tokens, width)
            return tape.reshape(x, batch, tokens, windows, op.heads, width).permute(0, 3, 2, 1, 4)

        out = tape.attention(five_axes(query), five_axes(key), five_axes(value)).transpose(1, 3)
    else:
        rows = batch if op.across_units else batch * units
        heads = (tape.reshape(x, rows, -1, op.heads, width).transpose(1, 2) for x in (query, key, value))
        out = tape.attention(*heads).transpose(1, 2)
    return tape.reshape(out, *query.shape)


def _activate(tape: Tape, node: Node, x: Tensor) -> Tensor:
    op: Any = node.op
    return tape.pointwise(op.function, x)


def _identity(tape: Tape, node: Node, x: Tensor) -> Tensor:
    return x


def _keep(tape: Tape, node: Node, x: Tensor) -> Tensor:
    if x.shape[1:] == node.shape:
        return x
    return tape.call("gather", (x,), (x.shape[0], *node.shape), x.dtype)


def _mean(tape: Tape, node: Node, x: Tensor) -> Tensor:
    return tape.call("mean", (x,), (x.shape[0], *node.shape), x.dtype)


PROGRAMS: dict[type[Op], Program] = {
    Input: _input,
    PatchEmbed: _patch_embed,
    Table: _table,
    Add: _add,
    ToUnits: _to_units,
    KeepUnits: _keep,
    Norm: _norm,
    Linear: _linear,
    Split: _split,
    Pool: _pool,
    Attend: _attend,
    Activate: _activate,
    DropPath: _identity,
    Dropout: _identity,
    Mean: _mean,
}
"""The calls of each primitive in a forward pass for inference."""
