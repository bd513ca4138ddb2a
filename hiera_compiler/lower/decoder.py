"""The decoder of a masked autoencoder: from what the encoder made of the kept mask units to what the others hold.

Its blocks attend globally, so that the order of its tokens is free: those that were seen come first, then the masked
ones in raster order. What is to be predicted is then a slice.
"""

from __future__ import annotations

from typing import Literal

from hiera_compiler.ir import Add, AsGrid, AsTokens, JoinTokens, Linear, Table, ToUnits, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.masking import AddKept, LastTokens, MaskedTokens
from hiera_compiler.kinds import Pooling
from hiera_compiler.kinds.attention.global_attention import GlobalAttention
from hiera_compiler.lower.blocks import Block, Flow, Style, lower_block
from hiera_compiler.spec import Spec


class MaskedLeave(Pooling):
    """What a pooling is to a block, in the decoder's last one: of all tokens that enter it, the masked ones leave it.

    So only they are queries, pass the skip and reach the MLP; the seen ones, which come first, are keys and values.
    """

    kind: Literal["masked_leave"] = "masked_leave"
    seen: int

    def lower(self, builder: GraphBuilder, name: str, x: Value, layout: UnitLayout, heads: int = 1) -> Value:
        return builder.add(name, LastTokens(self.seen), x)

    def pooled(self, layout: UnitLayout) -> UnitLayout:
        (tokens,) = layout.unit
        return UnitLayout.raster((tokens - self.seen,))


def lower_decoder(
    builder: GraphBuilder, spec: Spec, latent: Value, masked: MaskedTokens, values: int, early: bool
) -> Value:
    """The prediction ``(masked, values)``, tokens in raster order, from the latent ``(kept units, tokens, channels)``.

    With ``early`` nothing is computed for a seen token that no masked one needs.
    """
    decoder = spec.pretraining.decoder
    x = _tokens(builder, latent, masked, decoder.channels)
    style = Style(spec.norm, spec.activation, drops=False)
    hidden = int(decoder.channels * spec.mlp_ratio)
    flow = Flow(x.shape, UnitLayout.raster(x.shape[1:2]))
    for index in range(decoder.depth):
        leaves = MaskedLeave(seen=masked.seen) if early and index == decoder.depth - 1 else None
        block = Block(decoder.channels, decoder.heads, hidden, GlobalAttention(), leaves)
        with builder.block(f"decoder_blocks.{index}"):
            x, flow = lower_block(builder, style, block, x, flow, None)
    x = builder.add("decoder_pred", Linear(x.channels, values), spec.norm.lower(builder, "decoder_norm", x))
    if not early:
        x = builder.add("masked_tokens", LastTokens(masked.seen), x)
    return builder.add("prediction", AsGrid(x.shape[1:2]), x)


def _tokens(builder: GraphBuilder, latent: Value, masked: MaskedTokens, channels: int) -> Value:
    """The seen tokens, then one learned token for each masked one; all with their places added."""
    layout = masked.layout
    seen = builder.add("decoder_embed", Linear(latent.channels, channels), latent)
    places = builder.add("decoder_pos_embed", Table(layout.grid, channels))
    seen = builder.add("decoder_seen", AddKept(), seen, builder.add("decoder_places", ToUnits(layout), places))
    token = builder.add("mask_token", Table((1,) * len(layout.grid), channels))
    unseen = builder.add("decoder_masked", masked, builder.add("mask_tokens", Add(), token, places))
    parts = (builder.add(f"{name}_row", AsTokens(), x) for name, x in (("seen", seen), ("masked", unseen)))
    return builder.add("decoder_tokens", JoinTokens(), *parts)
