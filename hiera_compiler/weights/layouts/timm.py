"""The key layouts of timm."""

from __future__ import annotations

from hiera_compiler.weights.layout import Layout
from hiera_compiler.weights.layouts.authors import MVITV2_ATTENTION

MVITV2 = Layout(
    "timm's MViTv2",
    anchor="patch_embed.proj.weight",
    mark=r"(?:^|\.)stages\.[0-9]+\.blocks\.[0-9]+\.attn\.",
    stages=r"(?:^|(?<=\.))stages\.([0-9]{1,4})\.blocks\.([0-9]{1,4})\.",
    rules=(
        *MVITV2_ATTENTION,
        (r"\.shortcut_proj_attn\.", ".proj."),
        (r"\.shortcut_proj_mlp\.", ".mlp.proj."),
        (r"^head\.fc\.", "head.projection."),
    ),
)
HIERA = Layout(
    "timm",
    anchor="patch_embed.proj.weight",
    mark=r"(?:^|\.)head\.(?:norm|fc)\.",
    rules=(
        (r"^head\.norm\.", "norm."),
        (r"^head\.fc\.", "head.projection."),
        (r"^pos_embed_abs$", "pos_embed"),
        (r"^pos_embed_win$", "pos_embed_window"),
    ),
)
VIT = Layout(
    "timm's ViT",  # and MAE's for it
    anchor="patch_embed.proj.weight",
    mark=r"(?:^|\.)(?:cls_token|fc_norm\.weight|head\.weight)$",
    never=r"(?:^|\.)(?:pos_embed_class$|head\.projection\.)",  # ours
    rules=((r"^fc_norm\.", "norm."), (r"^head\.(weight|bias)$", r"head.projection.\1")),
    class_row=True,
)
