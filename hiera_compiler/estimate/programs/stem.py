"""The stem: from pixels to a grid of tokens that know where they are."""

from __future__ import annotations

from typing import Any

from hiera_compiler.estimate.programs.program import BATCH, Program
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import Input, Node, Op, PatchEmbed, Sinusoid, Table


def _input(tape: Tape, node: Node) -> Tensor:
    # A caller hands over pixels in the dtype of the matrix products: benchmarks convert them beforehand.
    return tape.tensor((BATCH, *node.shape), "fp16" if tape.regime.autocast else tape.regime.weights)


def _patch_embed(tape: Tape, node: Node, x: Tensor) -> Tensor:
    op: Any = node.op
    grid = tape.convolution(x, op.out_channels, op.kernel, node.shape[:-1])
    return grid.permute(0, *range(2, len(grid.shape)), 1)


def _table(tape: Tape, node: Node) -> Tensor:
    return tape.parameter(1, *node.shape)


PROGRAMS: dict[type[Op], Program] = {
    Input: _input,
    PatchEmbed: _patch_embed,
    Sinusoid: _table,
    Table: _table,
}
