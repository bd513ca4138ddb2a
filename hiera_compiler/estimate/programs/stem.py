"""The stem: from pixels to a grid of tokens that know where they are."""

from __future__ import annotations

from hiera_compiler.estimate.programs.program import BATCH, Program
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import Input, Node, Op, PatchEmbed, ResizeTable, Sinusoid, Table, TileTable


def _input(op: Op, tape: Tape, node: Node) -> Tensor:
    # A caller hands over pixels in the dtype of the matrix products: benchmarks convert them beforehand.
    return tape.tensor((BATCH, *node.shape), "fp16" if tape.regime.autocast else tape.regime.weights)


def _patch_embed(op: PatchEmbed, tape: Tape, node: Node, x: Tensor) -> Tensor:
    grid = tape.convolution(x, op.out_channels, op.kernel, node.shape[:-1])
    return grid.permute(0, *range(2, len(grid.shape)), 1)


def _table(op: Op, tape: Tape, node: Node) -> Tensor:
    return tape.parameter(1, *node.shape)


def _resize_table(op: ResizeTable, tape: Tape, node: Node, table: Tensor) -> Tensor:
    image = table.permute(0, 3, 1, 2)
    name = "_upsample_bicubic2d_aa" if op.antialias else "upsample_bicubic2d"
    size = (1, node.shape[-1], *op.grid)
    return tape.call(name, (image,), size, image.dtype, image.kept_order(size)).permute(0, 2, 3, 1)


def _tile_table(op: TileTable, tape: Tape, node: Node, table: Tensor) -> Tensor:
    height, width = (-(-side // own) for side, own in zip(op.grid, table.shape[1:3], strict=True))
    whole = (1, height * table.shape[1], width * table.shape[2], node.shape[-1])
    tiled = tape.call("copy", (table,), whole, table.dtype)
    return tiled._replace(shape=(1, *node.shape))


PROGRAMS: dict[type[Op], Program] = {
    Input: _input,
    PatchEmbed: _patch_embed,
    Sinusoid: _table,
    Table: _table,
    ResizeTable: _resize_table,
    TileTable: _tile_table,
}
