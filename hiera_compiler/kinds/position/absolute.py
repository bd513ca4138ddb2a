"""One learned vector per place."""

from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.ir import Add, ResizeTable, Table
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.roles import Position


class AbsolutePosition(Position):
    """A learned vector for every token of the grid, added once before the first block."""

    kind: Literal["absolute"] = "absolute"
    base: Annotated[
        tuple[int, ...] | None,
        Extent(time=None, optional=True),
        silent(None),
        Field(
            description="Height and width of a table that is stretched over the tokens of an image, as a detector does "
            "with that of its pretraining; `none`: the table has a vector for each token."
        ),
    ] = None

    @property
    def frames(self) -> bool | None:
        return None if self.base is None else False

    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        size = grid.shape[:-1]
        table = builder.add("pos_embed", Table(self.base or size, grid.channels))
        if table.shape[:-1] != size:
            table = builder.add("pos_embed_stretched", ResizeTable(size, antialias=False), table)
        return builder.add("position", Add(), grid, table)
