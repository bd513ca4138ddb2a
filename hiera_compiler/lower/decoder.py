"""The decoder of a masked autoencoder: from what the encoder made of the kept mask units to what the others hold.

Its blocks attend globally, so that the order of its tokens is free: those that were seen come first, then the masked
ones in raster order. What is to be predicted is then a slice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from hiera_compiler.ir import Add, AsGrid, AsTokens, JoinTokens, Linear, Table, ToUnits, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.masking import AddKept, LastTokens, MaskedTokens
from hiera_compiler.kinds import Normalization, Pooling
from hiera_compiler.kinds.attention.global_attention import GlobalAttention
from hiera_compiler.lower.blocks import Block, Flow, Style
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


def decoder_style(spec: Spec) -> Style:
    """The style of a decoder's blocks, which drop no paths and have no layer scale."""
    return Style(spec.norm, spec.activation, drops=False)


def decoder_blocks(spec: Spec, masked: MaskedTokens, early: bool = True) -> list[Block]:
    """The blocks of a decoder. With ``early`` the last one computes nothing for a seen token that no masked one needs.

    They depend on nothing of a spec's trunk but its `mlp_ratio`.
    """
    decoder = spec.pretraining.decoder
    block = Block(decoder.channels, decoder.heads, int(decoder.channels * spec.mlp_ratio), GlobalAttention(), None)
    last = replace(block, pool=MaskedLeave(seen=masked.seen)) if early else block
    return [*[block] * (decoder.depth - 1), last]


def lower_tokens(builder: GraphBuilder, latent: Value, masked: MaskedTokens, channels: int) -> tuple[Value, Flow]:
    """What enters the decoder's blocks, of the latent ``(kept units, tokens, channels)``.

    The seen tokens, then one learned token for each masked one; all with their places added.
    """
    layout = masked.layout
    with builder.origin("mae", "decoder"):
        seen = builder.add("decoder_embed", Linear(latent.channels, channels), latent)
        places = builder.add("decoder_pos_embed", Table(layout.grid, channels))
        seen = builder.add("decoder_seen", AddKept(), seen, builder.add("decoder_places", ToUnits(layout), places))
        token = builder.add("mask_token", Table((1,) * len(layout.grid), channels))
        unseen = builder.add("decoder_masked", masked, builder.add("mask_tokens", Add(), token, places))
        parts = [builder.add(f"{name}_row", AsTokens(), x) for name, x in (("seen", seen), ("masked", unseen))]
        x = builder.add("decoder_tokens", JoinTokens(), *parts)
    return x, Flow(x.shape, UnitLayout.raster(x.shape[1:2]))


def lower_prediction(builder: GraphBuilder, norm: Normalization, x: Value, tokens: int, values: int) -> Value:
    """The prediction ``(masked tokens, values)``, in raster order, of what leaves the decoder's last block."""
    with builder.origin("mae", "decoder"):
        x = builder.add("decoder_pred", Linear(x.channels, values), norm.lower(builder, "decoder_norm", x))
        if x.shape[1] != tokens:
            x = builder.add("masked_tokens", LastTokens(x.shape[1] - tokens), x)
        return builder.add("prediction", AsGrid(x.shape[1:2]), x)
