"""Attention across the whole image or clip."""

from typing import Literal

from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.attention import ProjectedAttention
from hiera_compiler.kinds.roles import BlockContext


class GlobalAttention(ProjectedAttention):
    """Each token attends to every token, in a clip also across time."""

    kind: Literal["global"] = "global"

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        return self.attended(builder, x, block, across_units=True)
