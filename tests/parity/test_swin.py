"""timm's Swin models: logits and the maps of all stages, with its weights under our names."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import differing, named, randomise, without_initialisation
from tests.support.public_packages import timm

SIZES = {
    "swin_t": ("swin_tiny_patch4_window7_224", 28_288_354, 4.5092),
    "swin_s": ("swin_small_patch4_window7_224", 49_606_258, 8.7685),
    "swin_b": ("swin_base_patch4_window7_224", 87_768_224, 15.4678),
    "swin_l": ("swin_large_patch4_window7_224", 196_532_476, 34.5311),
}
NAMES = {
    r"^patch_embed\.norm": "patch_embed.norm",
    r"downsample": "merge",
    r"attn\.relative_position_bias_table": "attn.relative_bias.table",
    r"^head\.fc": "head.projection",
}


def renamed(weights: dict[str, Tensor], depths: tuple[int, ...]) -> dict[str, Tensor]:
    """Theirs under our names: blocks counted through, and merging in the first block of its stage."""
    starts = [sum(depths[:stage]) for stage in range(len(depths))]
    found = {}
    for name, value in weights.items():
        for pattern, ours in NAMES.items():
            name = re.sub(pattern, ours, name)
        if match := re.match(r"layers\.(\d+)\.(?:blocks\.(\d+)\.)?(.*)", name):
            stage, block, rest = match.groups()
            name = f"blocks.{starts[int(stage)] + int(block or 0)}.{rest}"
        found[name] = value
    return found


def outputs_of_both(name: str, depths: tuple[int, ...], size: tuple[int, int]) -> tuple[Any, Any]:
    with without_initialisation():
        theirs = timm().create_model(SIZES[name][0], img_size=size, depths=depths).eval()
    randomise(theirs)
    settings = [f"input.size={list(size)}", *(f"stages.{index}.depth={depth}" for index, depth in enumerate(depths))]
    ours: Any = hc.compile(name, settings).module().eval()
    ours.load_state_dict(renamed(dict(theirs.named_parameters()), depths))
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, 3, *size, generator=generator) + torch.randn(2, 3, 1, 1, generator=generator)
    with torch.no_grad():
        features = [x.movedim(1, -1) for x in theirs.forward_intermediates(images, intermediates_only=True)]
        return named(ours(images), ours.features(images)), named(theirs(images), features)


@pytest.mark.parametrize(
    ("name", "depths"),
    [("swin_t", (2, 2, 6, 2)), ("swin_s", (1, 1, 3, 2)), ("swin_b", (2, 1, 2, 1))],
)
def test_outputs_equal_timm(name: str, depths: tuple[int, ...]) -> None:
    ours, theirs = outputs_of_both(name, depths, (224, 224))
    assert differing(ours, theirs) == {}


def test_outputs_of_swin_l_equal_timm() -> None:
    ours, theirs = outputs_of_both("swin_l", (2, 1, 1, 2), (224, 448))
    assert differing(ours, theirs) == {}


@pytest.mark.parametrize("name", SIZES)
def test_parameters_and_macs_are_timm_s(name: str) -> None:
    theirs, params, gmacs = SIZES[name]
    cost = hc.compile(name).cost
    assert cost.params == params == sum(x.numel() for x in timm().create_model(theirs).to("meta").parameters())
    assert round(cost.macs / 1e9, 4) == gmacs
