"""Attention inside mask units."""

from typing import Literal

from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.attention import lower_attention
from hiera_compiler.kinds.roles import Attention, BlockContext


class MaskUnitAttention(Attention):
    """Each token attends to the tokens of its own mask unit, which shrinks as the stages pool (Hiera, section 4)."""

    kind: Literal["mask_unit"] = "mask_unit"

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        return lower_attention(builder, x, block, across_units=False)
