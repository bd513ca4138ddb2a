"""Attention across the whole image or clip."""

from __future__ import annotations

from typing import Literal

from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.attention import MultiHeadAttention
from hiera_compiler.kinds.roles import Attention, BlockContext


class GlobalAttention(MultiHeadAttention):
    """Each token attends to every token, in a clip also across time."""

    kind: Literal["global"] = "global"

    @classmethod
    def like(cls, attention: Attention) -> GlobalAttention:
        """Global attention with the options that it shares with another."""
        shared = cls.model_fields.keys() & type(attention).model_fields.keys() - {"kind"}
        return cls.model_validate({name: getattr(attention, name) for name in shared})

    @property
    def masks(self) -> bool:
        return self.relative == "none"

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        return self.attended(builder, x, block, across_units=True)
