"""The key layouts of transformers."""

from __future__ import annotations

from hiera_compiler.weights.layout import Layout, Rules

_BLOCK: Rules = (
    # Before version 5, and on the hub still, `attention.self.query`; since then `attention.q_proj` in memory.
    (r"\.attention\.(?:attention\.|self\.)?([qkv])(?:uery|ey|alue|_proj)\.", r".attn.\1."),
    (r"\.attention\.attention\.([qv])_bias$", r".attn.\1.bias"),
    (r"\.attention\.(?:output\.dense|o_proj)\.", ".attn.proj."),
    (
        r"\.attention\.(?:self\.|relative_position_bias\.)?relative_position_bias_table$",
        ".attn.relative_bias.table",
    ),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"\.output\.dense\.", ".mlp.fc2."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
)
_STEM: Rules = (
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
)

HIERA = Layout(
    "transformers",
    anchor="embeddings.patch_embeddings.projection.weight",
    mark=r"encoder\.stages\.",
    stages=r"(?:^|(?<=\.))encoder\.stages\.([0-9]{1,4})\.layers\.([0-9]{1,4})\.",
    rules=(
        *_STEM,
        *_BLOCK,
        (r"^pooler\.layernorm\.", "norm."),
    ),
    outside=(
        # Pretraining ends in a norm of its own, the same one under another name.
        (r"^(?:.*\.)?encoder_norm\.", "norm."),
        (r"^(?:.*\.)?multiscale_fusion\.", ""),
        (r"^(?:.*\.)?decoder\.(mask_token$|decoder_)", r"\1"),
        (r"^decoder_position_embeddings$", "decoder_pos_embed"),
        (r"^decoder_embeddings\.", "decoder_embed."),
        (r"^decoder_block\.layers\.", "decoder_blocks."),
        (r"^(decoder_blocks\.[0-9]+)\.layernorm_before\.", r"\1.norm1."),
        (r"^(decoder_blocks\.[0-9]+)\.layernorm_after\.", r"\1.norm2."),
        (r"^(?:.*\.)?classifier\.", "head.projection."),
    ),
)
SWIN = Layout(
    "transformers' Swin",
    anchor="embeddings.patch_embeddings.projection.weight",
    mark=r"encoder\.layers\.[0-9]+\.blocks\.",
    stages=r"(?:^|(?<=\.))encoder\.layers\.([0-9]{1,4})\.blocks\.([0-9]{1,4})\.",
    merging=r"(?:^|(?<=\.))encoder\.layers\.([0-9]{1,4})\.downsample\.",
    rules=(
        *_STEM,
        *_BLOCK,
        (r"^embeddings\.norm\.", "patch_embed.norm."),
        (r"^layernorm\.", "norm."),
    ),
    outside=((r"^(?:.*\.)?classifier\.", "head.projection."),),
)
VIT = Layout(
    "transformers' ViT",  # and their VideoMAE, which has no class token
    anchor="embeddings.patch_embeddings.projection.weight",
    mark=r"(?:encoder\.layer|layers)\.[0-9]+\.attention\.",
    rules=(
        (r"^(?:encoder\.layer|layers)\.([0-9]+)\.", r"blocks.\1."),
        *_STEM,
        *_BLOCK,
        (r"^embeddings\.cls_token$", "cls_token"),
        (r"^layernorm\.", "norm."),
    ),
    outside=((r"^(?:.*\.)?fc_norm\.", "norm."), (r"^(?:.*\.)?classifier\.", "head.projection.")),
    class_row=True,
)
VITDET = Layout(
    "transformers' ViTDet",
    anchor="embeddings.projection.weight",
    mark=r"(?:^|\.)encoder\.layer\.[0-9]+\.attention\.qkv\.",
    rules=(
        (r"^encoder\.layer\.([0-9]+)\.", r"blocks.\1."),
        (r"^embeddings\.projection\.", "patch_embed.proj."),
        (r"^embeddings\.position_embeddings$", "pos_embed"),
        (r"\.attention\.(qkv|proj)\.", r".attn.\1."),
        (r"\.attention\.rel_pos_h$", ".attn.rel_pos.height"),
        (r"\.attention\.rel_pos_w$", ".attn.rel_pos.width"),
    ),
    class_row=True,
)
SAM2 = Layout(
    "transformers' SAM 2",
    anchor="patch_embed.projection.weight",
    mark=r"\.layer_norm1\.",
    rules=(
        (r"^patch_embed\.projection\.", "patch_embed.proj."),
        (r"\.layer_norm([12])\.", r".norm\1."),
        (r"\.mlp\.proj_in\.", ".mlp.fc1."),
        (r"\.mlp\.proj_out\.", ".mlp.fc2."),
    ),
)
