"""Talking-heads attention."""

from typing import Annotated, Literal

from pydantic import Field

from custom_kinds.ops import TalkingHeads
from hiera_compiler.ir import Linear
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import BlockContext
from hiera_compiler.kinds.attention import ProjectedAttention


class TalkingHeadsAttention(ProjectedAttention):
    """Attention whose heads are mixed before and after the softmax (Talking-Heads Attention, Shazeer et al. 2020)."""

    kind: Literal["talking_heads"] = "talking_heads"
    across_units: Annotated[bool, Field(description="Whether tokens attend to those of all mask units.")] = False

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        query, key, value = self.projected(builder, x, block)
        mixed = builder.add("attn.talk", TalkingHeads(block.heads, self.across_units), query, key, value)
        return builder.add("attn.proj", Linear(block.channels, block.channels), mixed)
