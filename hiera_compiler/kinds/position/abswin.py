"""Absolute positions of windows and of places in a window."""

from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.ir import Add, ResizeTable, Table, TileTable
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.roles import Position


class AbsoluteWindowPosition(Position):
    """A small learned table stretched over the image, and one for the place in a window, repeated; images only.

    ``bicubic(base) + tile(window)`` ("Window Attention is Bugged", Bolya et al., 2023): the stretched part knows
    nothing of windows, so that it may be stretched further for larger images.
    """

    kind: Literal["abswin"] = "abswin"
    base: Annotated[
        tuple[int, ...],
        Extent(time=None),
        Field(description="Height and width of the table that is stretched.", examples=[7]),
    ]
    window: Annotated[
        tuple[int, ...],
        Extent(time=None),
        Field(description="Height and width of the table that is repeated: those of a window, or mask unit."),
    ] = (8,)
    antialias: Annotated[
        bool, silent(False), Field(description="Whether a base larger than the grid is smoothed as it shrinks.")
    ] = False

    @property
    def frames(self) -> bool | None:
        return False

    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        size = grid.shape[:-1]
        base = builder.add("pos_embed", Table(self.base, grid.channels))
        stretched = builder.add("pos_embed_stretched", ResizeTable(size, self.antialias), base)
        window = builder.add("pos_embed_window", Table(self.window, grid.channels))
        tiled = builder.add("pos_embed_tiled", TileTable(size), window)
        table = builder.add("pos_embed_both", Add(), stretched, tiled)
        return builder.add("position", Add(), grid, table)
