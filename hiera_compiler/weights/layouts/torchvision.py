"""The key layouts of torchvision."""

from __future__ import annotations

from hiera_compiler.weights.layout import Layout
from hiera_compiler.weights.layouts.authors import MVITV2_ATTENTION

MVITV2 = Layout(
    "torchvision's MViTv2",  # of clips
    anchor="conv_proj.weight",
    mark=r"(?:^|\.)blocks\.[0-9]+\.attn\.rel_pos_[hwt]$",
    rules=(
        *MVITV2_ATTENTION,
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
)
VIT = Layout(
    "torchvision's ViT",
    anchor="conv_proj.weight",
    mark=r"(?:^|\.)encoder\.layers\.encoder_layer_[0-9]+\.self_attention\.",
    rules=(
        (r"^encoder\.layers\.encoder_layer_([0-9]+)\.", r"blocks.\1."),
        (r"^conv_proj\.", "patch_embed.proj."),
        (r"^class_token$", "cls_token"),
        (r"^encoder\.pos_embedding$", "pos_embed"),
        (r"\.ln_([12])\.", r".norm\1."),
        (r"\.self_attention\.in_proj_(weight|bias)$", r".attn.qkv.\1"),
        (r"\.self_attention\.out_proj\.", ".attn.proj."),
        # Numbers in memory, and names in its files.
        (r"\.mlp\.(?:0|linear_1)\.", ".mlp.fc1."),
        (r"\.mlp\.(?:3|linear_2)\.", ".mlp.fc2."),
        (r"^encoder\.ln\.", "norm."),
        (r"^heads\.head\.", "head.projection."),
    ),
    class_row=True,
)
SWIN = Layout(
    "torchvision's Swin",
    anchor="features.0.0.weight",
    mark=r"(?:^|\.)features\.[0-9]+\.[0-9]+\.attn\.relative_position_bias_table$",
    # Stages have odd numbers, and the mergings between them even ones.
    stages=r"(?:^|(?<=\.))features\.([0-9]{0,3}[13579])\.([0-9]{1,4})\.",
    merging=r"(?:^|(?<=\.))features\.([0-9]{0,3}[02468])\.(?=norm\.|reduction\.)",
    rules=(
        (r"^features\.0\.0\.", "patch_embed.proj."),
        (r"^features\.0\.2\.", "patch_embed.norm."),
        (r"\.attn\.relative_position_bias_table$", ".attn.relative_bias.table"),
        (r"\.mlp\.0\.", ".mlp.fc1."),
        (r"\.mlp\.3\.", ".mlp.fc2."),
        (r"^head\.(weight|bias)$", r"head.projection.\1"),
    ),
)
