"""No position embedding."""

from typing import ClassVar, Literal

from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import Position


class NoPosition(Position):
    """Tokens are not told where they are: attention may know it by relative positions, or by what overlaps."""

    kind: Literal["none"] = "none"
    class_token_has_one: ClassVar[bool] = False

    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        return grid
