"""Attention."""

from __future__ import annotations

from math import prod
from typing import Any

from hiera_compiler.estimate.programs.program import Program
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import Attend, Node, Op


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


PROGRAMS: dict[type[Op], Program] = {
    Attend: _attend,
}
