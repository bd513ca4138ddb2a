"""One learned vector per place."""

from typing import Literal

from hiera_compiler.ir import Add, Table
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import Position


class AbsolutePosition(Position):
    """A learned vector for every token of the grid, added once before the first block."""

    kind: Literal["absolute"] = "absolute"

    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        table = builder.add("pos_embed", Table(grid.shape[:-1], grid.channels))
        return builder.add("position", Add(), grid, table)
