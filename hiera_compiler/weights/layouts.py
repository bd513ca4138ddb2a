"""The key layouts of public checkpoints, and how their keys become ours, which are the reference's.

A new layout is one more entry of ``LAYOUTS``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hiera_compiler.weights.layout import Layout, Rules

BUFFERS = re.compile(r"(?:^|\.)(?:relative_position_index|attn_mask)$")
"""Keys of tables that some code bases keep in their files and every model works out by itself."""

_TRANSFORMERS_BLOCK: Rules = (
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
_TRANSFORMERS_STEM: Rules = (
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
)
_MVITV2_ATTENTION: Rules = (
    (r"\.attn\.norm_([qkv])\.", r".attn.pool_\1_norm."),
    (r"\.attn\.rel_pos_h$", ".attn.rel_pos.height"),
    (r"\.attn\.rel_pos_w$", ".attn.rel_pos.width"),
    (r"\.attn\.rel_pos_t$", ".attn.rel_pos.time"),
)

LAYOUTS = (
    Layout(
        "transformers",
        anchor="embeddings.patch_embeddings.projection.weight",
        mark=r"encoder\.stages\.",
        stages=r"(?:^|(?<=\.))encoder\.stages\.([0-9]{1,4})\.layers\.([0-9]{1,4})\.",
        rules=(
            *_TRANSFORMERS_STEM,
            *_TRANSFORMERS_BLOCK,
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
    ),
    Layout(
        "transformers' Swin",
        anchor="embeddings.patch_embeddings.projection.weight",
        mark=r"encoder\.layers\.[0-9]+\.blocks\.",
        stages=r"(?:^|(?<=\.))encoder\.layers\.([0-9]{1,4})\.blocks\.([0-9]{1,4})\.",
        merging=r"(?:^|(?<=\.))encoder\.layers\.([0-9]{1,4})\.downsample\.",
        rules=(
            *_TRANSFORMERS_STEM,
            *_TRANSFORMERS_BLOCK,
            (r"^embeddings\.norm\.", "patch_embed.norm."),
            (r"^layernorm\.", "norm."),
        ),
        outside=((r"^(?:.*\.)?classifier\.", "head.projection."),),
    ),
    Layout(
        "transformers' ViT",  # and their VideoMAE, which has no class token
        anchor="embeddings.patch_embeddings.projection.weight",
        mark=r"(?:encoder\.layer|layers)\.[0-9]+\.attention\.",
        rules=(
            (r"^(?:encoder\.layer|layers)\.([0-9]+)\.", r"blocks.\1."),
            *_TRANSFORMERS_STEM,
            *_TRANSFORMERS_BLOCK,
            (r"^embeddings\.cls_token$", "cls_token"),
            (r"^layernorm\.", "norm."),
        ),
        outside=((r"^fc_norm\.", "norm."), (r"^classifier\.", "head.projection.")),
        class_row=True,
    ),
    Layout(
        "transformers' SAM 2",
        anchor="patch_embed.projection.weight",
        mark=r"\.layer_norm1\.",
        rules=(
            (r"^patch_embed\.projection\.", "patch_embed.proj."),
            (r"\.layer_norm([12])\.", r".norm\1."),
            (r"\.mlp\.proj_in\.", ".mlp.fc1."),
            (r"\.mlp\.proj_out\.", ".mlp.fc2."),
        ),
    ),
    Layout(
        "SAM 2",
        anchor="patch_embed.proj.weight",
        mark=r"\.mlp\.layers\.[01]\.",
        rules=((r"\.mlp\.layers\.0\.", ".mlp.fc1."), (r"\.mlp\.layers\.1\.", ".mlp.fc2.")),
    ),
    Layout(
        "Swin",  # its authors', where a merging ends a stage, and timm's, where it begins the next
        anchor="patch_embed.proj.weight",
        mark=r"(?:^|\.)layers\.[0-9]+\.blocks\.[0-9]+\.attn\.",
        stages=r"(?:^|(?<=\.))layers\.([0-9]{1,4})\.blocks\.([0-9]{1,4})\.",
        merging=r"(?:^|(?<=\.))layers\.([0-9]{1,4})\.downsample\.",
        rules=(
            (r"\.attn\.relative_position_bias_table$", ".attn.relative_bias.table"),
            (r"^absolute_pos_embed$", "pos_embed"),
            (r"^head\.(?:fc\.)?(weight|bias)$", r"head.projection.\1"),
        ),
    ),
    Layout(
        "timm's MViTv2",
        anchor="patch_embed.proj.weight",
        mark=r"(?:^|\.)stages\.[0-9]+\.blocks\.[0-9]+\.attn\.",
        stages=r"(?:^|(?<=\.))stages\.([0-9]{1,4})\.blocks\.([0-9]{1,4})\.",
        rules=(
            *_MVITV2_ATTENTION,
            (r"\.shortcut_proj_attn\.", ".proj."),
            (r"\.shortcut_proj_mlp\.", ".mlp.proj."),
            (r"^head\.fc\.", "head.projection."),
        ),
    ),
    Layout(
        "MViTv2",  # its authors', in the repositories mvit and SlowFast
        anchor="patch_embed.proj.weight",
        mark=r"\.attn\.(?:norm_[qkv]\.|rel_pos_[hwt]$)",
        rules=_MVITV2_ATTENTION,
    ),
    Layout(
        "torchvision's MViTv2",  # of clips
        anchor="conv_proj.weight",
        mark=r"(?:^|\.)blocks\.[0-9]+\.attn\.rel_pos_[hwt]$",
        rules=(
            *_MVITV2_ATTENTION,
            (r"^conv_proj\.", "patch_embed.proj."),
            (r"^pos_encoding\.class_token$", "cls_token"),
            (r"\.attn\.pool_([qkv])\.norm_act\.0\.", r".attn.pool_\1_norm."),
            (r"\.attn\.pool_([qkv])\.pool\.", r".attn.pool_\1."),
            (r"\.attn\.project\.0\.", ".attn.proj."),
            (r"\.mlp\.0\.", ".mlp.fc1."),
            (r"\.mlp\.3\.", ".mlp.fc2."),
            (r"\.project\.", ".proj."),
            (r"^head\.1\.", "head.projection."),
        ),
    ),
    Layout(
        "timm",
        anchor="patch_embed.proj.weight",
        mark=r"(?:^|\.)head\.(?:norm|fc)\.",
        rules=(
            (r"^head\.norm\.", "norm."),
            (r"^head\.fc\.", "head.projection."),
            (r"^pos_embed_abs$", "pos_embed"),
            (r"^pos_embed_win$", "pos_embed_window"),
        ),
    ),
    Layout(
        "VideoMAE",  # its authors'
        anchor="patch_embed.proj.weight",
        mark=r"\.attn\.q_bias$",
        rules=(
            (r"\.attn\.([qv])_bias$", r".attn.\1.bias"),
            (r"^fc_norm\.", "norm."),
            (r"^head\.(weight|bias)$", r"head.projection.\1"),
        ),
    ),
    Layout(
        "timm's ViT",  # and MAE's for it
        anchor="patch_embed.proj.weight",
        mark=r"(?:^|\.)(?:cls_token|fc_norm\.weight|head\.weight)$",
        never=r"(?:^|\.)(?:pos_embed_class$|head\.projection\.)",  # ours
        rules=((r"^fc_norm\.", "norm."), (r"^head\.(weight|bias)$", r"head.projection.\1")),
        class_row=True,
    ),
    Layout(
        "hiera-transformer",
        anchor="patch_embed.proj.weight",
        mark=r"(?:^|\.)blocks\.[0-9]+\.",
        # The reference's own loader drops this one, and so starts fine-tuning from an untrained norm.
        rules=((r"^encoder_norm\.", "norm."),),
    ),
)
"""The known layouts; the more particular ones first, for the first that fits is taken."""


def recognised(keys: Iterable[str]) -> tuple[Layout, str] | None:
    """The layout of a state dict's keys with the prefix of its trunk; None where they are of no known one."""
    keys = list(keys)
    for layout in LAYOUTS:
        prefix = layout.prefix(keys)
        if prefix is not None:
            return layout, prefix
    return None
