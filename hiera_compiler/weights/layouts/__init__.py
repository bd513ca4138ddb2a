"""The key layouts of public checkpoints, and how their keys become ours, which are the reference's.

A new layout is written in the file of its code base, and is one more entry of ``LAYOUTS``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hiera_compiler.weights.layout import Layout
from hiera_compiler.weights.layouts import authors, timm, torchvision, transformers

BUFFERS = re.compile(r"(?:^|\.)(?:relative_position_index|attn_mask)$")
"""Keys of tables that some code bases keep in their files and every model works out by itself."""

LAYOUTS = (
    transformers.HIERA,
    transformers.SWIN,
    transformers.VIT,
    transformers.VITDET,
    transformers.SAM2,
    authors.SAM2,
    authors.SWIN,
    torchvision.SWIN,
    timm.MVITV2,
    authors.MVITV2,
    torchvision.MVITV2,
    torchvision.VIT,
    timm.HIERA,
    authors.VIDEOMAE,
    authors.MAE_OF_CLIPS,
    timm.VIT,
    authors.HIERA,
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
