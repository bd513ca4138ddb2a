"""Attention kinds, and the projections that they share."""

from __future__ import annotations

from hiera_compiler.ir import Attend, Linear, Split
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import BlockContext


def lower_attention(builder: GraphBuilder, x: Value, block: BlockContext, *, across_units: bool) -> Value:
    """Multi-head attention whose queries, and only they, are pooled where the block pools (Hiera, section 4)."""
    qkv = builder.add("attn.qkv", Linear(x.channels, 3 * block.channels), x)
    query, key, value = (
        builder.add(f"attn.{name}", Split(3, index), qkv) for index, name in enumerate(("query", "key", "value"))
    )
    if block.pool is not None:
        query = block.pool.lower(builder, "attn.pooled_query", query)
    attended = builder.add("attn.attend", Attend(block.heads, across_units), query, key, value)
    return builder.add("attn.proj", Linear(block.channels, block.channels), attended)
