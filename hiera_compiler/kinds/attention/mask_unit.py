"""Attention inside mask units."""

from typing import Literal

from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.attention import MultiHeadAttention
from hiera_compiler.kinds.roles import BlockContext


class MaskUnitAttention(MultiHeadAttention):
    """Each token attends to the tokens of its own mask unit, which shrinks as the stages pool (Hiera, section 4)."""

    kind: Literal["mask_unit"] = "mask_unit"

    @property
    def mask_units(self) -> bool | None:
        return True

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        return self.attended(builder, x, block, across_units=False)
