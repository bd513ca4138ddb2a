"""The key layouts of the authors' code: Hiera, SAM 2, MViTv2, Swin, VideoMAE, and MAE of clips."""

from __future__ import annotations

from hiera_compiler.weights.layout import Layout, Rules

MVITV2_ATTENTION: Rules = (
    (r"\.attn\.norm_([qkv])\.", r".attn.pool_\1_norm."),
    (r"\.attn\.rel_pos_h$", ".attn.rel_pos.height"),
    (r"\.attn\.rel_pos_w$", ".attn.rel_pos.width"),
    (r"\.attn\.rel_pos_t$", ".attn.rel_pos.time"),
)

SAM2 = Layout(
    "SAM 2",
    anchor="patch_embed.proj.weight",
    mark=r"\.mlp\.layers\.[01]\.",
    rules=((r"\.mlp\.layers\.0\.", ".mlp.fc1."), (r"\.mlp\.layers\.1\.", ".mlp.fc2.")),
)
SWIN = Layout(
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
)
MVITV2 = Layout(
    "MViTv2",  # its authors', in the repositories mvit and SlowFast, and ViTDet's in detectron2
    anchor="patch_embed.proj.weight",
    mark=r"\.attn\.(?:norm_[qkv]\.|rel_pos_[hwt]$)",
    rules=MVITV2_ATTENTION,
    class_row=True,
)
VIDEOMAE = Layout(
    "VideoMAE",
    anchor="patch_embed.proj.weight",
    mark=r"\.attn\.q_bias$",
    rules=(
        (r"\.attn\.([qv])_bias$", r".attn.\1.bias"),
        (r"^fc_norm\.", "norm."),
        (r"^head\.(weight|bias)$", r"head.projection.\1"),
    ),
)
MAE_OF_CLIPS = Layout(
    "MAE of clips",  # its authors', in the repository mae_st
    anchor="patch_embed.proj.weight",
    mark=r"\.attn\.[qkv]\.weight$",
    rules=((r"^head\.(weight|bias)$", r"head.projection.\1"),),
    class_row=True,
)
HIERA = Layout(
    "hiera-transformer",
    anchor="patch_embed.proj.weight",
    mark=r"(?:^|\.)blocks\.[0-9]+\.",
    # The reference's own loader drops this one, and so starts fine-tuning from an untrained norm.
    rules=((r"^encoder_norm\.", "norm."),),
)
