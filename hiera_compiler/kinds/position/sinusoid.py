"""Fixed sines and cosines."""

from typing import ClassVar, Literal

from hiera_compiler.ir import Add, Sinusoid
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import Position


class SinusoidPosition(Position):
    """A fixed vector of sines and cosines for every token, of its number in raster order (VideoMAE, section 3)."""

    kind: Literal["sinusoid"] = "sinusoid"
    class_token_has_one: ClassVar[bool] = False

    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        table = builder.add("pos_embed", Sinusoid(grid.shape[:-1], grid.channels))
        return builder.add("position", Add(), grid, table)
