"""The key layouts of public checkpoints, and how their keys become ours, which are the reference's.

A new layout is one more entry of ``LAYOUTS``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Rules = tuple[tuple[str, str], ...]
"""Patterns with their replacements, applied one after the other."""


@dataclass(frozen=True)
class Layout:
    """How one code base names the weights of a model of the family.

    Where ``class_row`` is true, the first row of the position table is that of the class token.
    ``anchor`` ends the key of the patch embedding's weight: what stands before it there is the prefix of the
    trunk's keys. ``mark`` is found in a key of this layout and of none below it. ``rules`` rename keys that
    have the prefix, once it is taken off; ``outside`` those that have not.
    """

    name: str
    anchor: str
    mark: str
    rules: Rules = ()
    outside: Rules = ()
    stages: str | None = None
    class_row: bool = False

    def prefix(self, keys: Iterable[str]) -> str | None:
        """What stands before the trunk's keys; None where the keys are not of this layout."""
        keys = list(keys)
        anchors = [key for key in keys if key == self.anchor or key.endswith(f".{self.anchor}")]
        if not anchors:
            return None
        prefix = min(anchors, key=len).removesuffix(self.anchor)
        trunk = (key for key in keys if key.startswith(prefix))
        return prefix if any(re.search(self.mark, key) for key in trunk) else None

    def renamed(self, keys: Iterable[str], prefix: str) -> dict[str, str]:
        """Our name of each key, by key; a key that no rule knows keeps its name."""
        keys = list(keys)
        starts = self._block_starts(keys)
        return {key: self._name(key, prefix, starts) for key in keys}

    def _name(self, key: str, prefix: str, starts: Mapping[int, int]) -> str:
        if not key.startswith(prefix):
            return _applied(self.outside, key)
        name = key.removeprefix(prefix)
        if self.stages is not None:
            name = re.sub(self.stages, lambda at: f"blocks.{starts[int(at[1])] + int(at[2])}.", name)
        return _applied(self.rules, name)

    def _block_starts(self, keys: Iterable[str]) -> dict[int, int]:
        """The index of the first block of every stage, for layouts that number blocks within their stage."""
        depths: dict[int, int] = defaultdict(int)
        for key in keys:
            if self.stages is not None and (at := re.search(self.stages, key)):
                depths[int(at[1])] = max(depths[int(at[1])], int(at[2]) + 1)
        return {stage: sum(depths[before] for before in depths if before < stage) for stage in depths}


def _applied(rules: Rules, name: str) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


LAYOUTS = (
    Layout(
        "transformers",
        anchor="embeddings.patch_embeddings.projection.weight",
        mark=r"encoder\.stages\.",
        stages=r"(?:^|(?<=\.))encoder\.stages\.([0-9]{1,4})\.layers\.([0-9]{1,4})\.",
        rules=(
            (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
            (r"^embeddings\.position_embeddings$", "pos_embed"),
            (r"\.layernorm_before\.", ".norm1."),
            (r"\.layernorm_after\.", ".norm2."),
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
        "timm's ViT",
        anchor="patch_embed.proj.weight",
        mark=r"(?:^|\.)cls_token$",
        rules=((r"^head\.(weight|bias)$", r"head.projection.\1"),),
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
