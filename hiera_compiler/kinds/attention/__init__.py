"""Attention kinds, and the projections that they share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hiera_compiler.ir import Attend, Linear, Split
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.roles import Attention, BlockContext


class ProjectedAttention(Attention):
    """Attention whose queries, keys and values one linear layer makes."""

    qkv_bias: Annotated[
        bool, silent(True), Field(description="Whether the layer of queries, keys and values has a bias.")
    ] = True

    def projected(self, builder: GraphBuilder, x: Value, block: BlockContext) -> tuple[Value, Value, Value]:
        """Queries, keys and values of every token."""
        qkv = builder.add("attn.qkv", Linear(x.channels, 3 * block.channels, self.qkv_bias), x)
        query, key, value = (
            builder.add(f"attn.{name}", Split(3, index), qkv) for index, name in enumerate(("query", "key", "value"))
        )
        return query, key, value

    def attended(
        self, builder: GraphBuilder, x: Value, block: BlockContext, *, across_units: bool, bias: Value | None = None
    ) -> Value:
        """Multi-head attention whose queries, and only they, are pooled where the block pools (Hiera, section 4)."""
        query, key, value = self.projected(builder, x, block)
        query = block.pooled(builder, "attn.pooled_query", query, block.heads)
        more = () if bias is None else (bias,)
        attended = builder.add("attn.attend", Attend(block.heads, across_units), query, key, value, *more)
        return builder.add("attn.proj", Linear(block.channels, block.channels), attended)
