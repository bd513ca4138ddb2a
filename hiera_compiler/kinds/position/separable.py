"""Learned vectors for space and for time."""

from typing import Literal

from hiera_compiler.ir import Add, Table
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import Position


class SeparablePosition(Position):
    """The sum of a learned vector for the place in the frame and one for the frame; clips only."""

    kind: Literal["separable"] = "separable"

    @property
    def frames(self) -> bool | None:
        return True

    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        frames, *frame = grid.shape[:-1]
        spatial = builder.add("pos_embed_spatial", Table((1, *frame), grid.channels))
        still = (1,) * len(frame)
        temporal = builder.add("pos_embed_temporal", Table((frames, *still), grid.channels))
        table = builder.add("pos_embed", Add(), spatial, temporal)
        return builder.add("position", Add(), grid, table)
