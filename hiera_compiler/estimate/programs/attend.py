"""Attention."""

from __future__ import annotations

from math import prod

from hiera_compiler.estimate.programs.order import as_shaped
from hiera_compiler.estimate.programs.program import Program
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import Attend, JoinHeads, Node, Op, RelativeBias, RelativePosition, ShiftMask, SplitHeads


def _attend(
    op: Attend, tape: Tape, node: Node, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None
) -> Tensor:
    batch, units, _, channels = query.shape
    width = channels // op.heads
    if bias is not None:
        stacks = 1 if op.across_units else units

        def by_head(x: Tensor) -> Tensor:
            if tape.regime.released_code and x.contiguous:  # pooled head by head
                return tape.reshape(x, batch, stacks, op.heads, -1, width)
            return tape.reshape(x, batch, stacks, -1, op.heads, width).transpose(2, 3)

        q, k, v = (by_head(x) for x in (query, key, value))
        return tape.reshape(tape.attention(q, k, v, bias).transpose(2, 3), *query.shape)
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


def _relative_bias(op: Op, tape: Tape, node: Node) -> Tensor:
    _, heads, queries, keys = node.shape
    table = tape.parameter(*node.op.weights()["table"])
    index = tape.tensor((queries, keys), "int64", fixed=True)
    gathered = tape.call("index", (table, index), (queries, keys, heads), table.dtype).permute(2, 0, 1)
    return tape.reshape(tape.contiguous(gathered), 1, *node.shape)


def _shift_mask(op: Op, tape: Tape, node: Node) -> Tensor:
    return tape.parameter(1, *node.shape)


def _relative_position(op: RelativePosition, tape: Tape, node: Node, query: Tensor) -> Tensor:
    batch, first, (queries, keys) = query.shape[0], int(op.class_token), op.factors
    axes, levels, stacks = len(op.lengths), len(queries), batch * node.shape[0]
    x = tape.reshape(query, stacks, -1, query.shape[-1])
    x = x._replace(shape=(stacks, x.shape[1] - first, x.shape[2]))
    grid = tape.reshape(x, stacks, *(side for sides in queries for side in sides), op.heads, op.width)
    bias: Tensor | None = None
    for axis, (length, count, others) in enumerate(zip(op.lengths.values(), *op.sides, strict=True)):
        own = [1 + axis + axes * level for level in range(levels)]
        order = [*own, *(place for place in range(len(grid.shape)) if place not in own)]
        lines = grid.permute(*order)
        places = tape.tensor((count, others), "int64", fixed=True)
        table = tape.parameter(length, op.width)
        rows = tape.call("index", (table, places), (count, others, op.width), table.dtype)
        scores = tape.matmul(tape.reshape(lines, count, -1, op.width), rows.transpose(1, 2))
        scores = tape.reshape(scores, *lines.shape[:-1], others)
        back = [order.index(place) for place in range(len(order))]
        scores = scores.permute(back[0], back[-2], *back[1:-2], back[-1])
        key = [side if place == axis else 1 for sides in keys for place, side in enumerate(sides)]
        scores = tape.reshape(scores, *scores.shape[:-1], *key)
        bias = scores if bias is None else tape.broadcast("add", bias, scores)
    assert bias is not None
    bias = tape.reshape(bias, batch, node.shape[0], op.heads, *map(prod, op.sides))
    return tape.call("constant_pad_nd", (bias,), (batch, *node.shape), bias.dtype) if first else bias


PROGRAMS: dict[type[Op], Program] = {
    Attend: _attend,
    JoinHeads: as_shaped,
    RelativeBias: _relative_bias,
    RelativePosition: _relative_position,
    ShiftMask: _shift_mask,
    SplitHeads: as_shaped,
}
