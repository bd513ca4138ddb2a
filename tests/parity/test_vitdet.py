"""ViTDet's backbone: transformers', and SAM's image encoder of timm, with random weights under our names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import differing, randomise, without_initialisation
from tests.support.public_packages import timm, transformers

SIZE = (96, 160)
"""Grids of 6x10 tokens: windows of 4 are padded along both axes, and the position table is stretched unevenly."""
SETTINGS = [
    "neck=none",
    f"input.size={list(SIZE)}",
    "stages.0.depth=4",
    "stages.0.channels=48",
    "stages.0.heads=3",
    "stages.0.attention.window=4",
    "stages.0.global_at=[1, 3]",
]


def renamed(state: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    found = {}
    for key, value in state.items():
        for pattern, replacement in names.items():
            key = re.sub(pattern, replacement, key)
        found[key] = value
    return found


def our_map(settings: list[str], weights: dict[str, Tensor], pixels: Tensor) -> Tensor:
    module: Any = hc.compile("detection/vitdet_b", [*SETTINGS, *settings]).module().eval()
    module.load_state_dict({key: value for key, value in weights.items() if key in module.state_dict()})
    found: Tensor = module(pixels)[0]
    return found


def images() -> Tensor:
    return torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))


OF_DETECTRON2 = {
    r"embeddings\.projection": "patch_embed.proj",
    r"embeddings\.position_embeddings": "pos_embed",
    r"^encoder\.layer\.": "blocks.",
    r"attention\.": "attn.",
    "^": "backbone.net.",
}


def test_the_map_equals_transformers(tmp_path: Path) -> None:
    config = transformers().VitDetConfig(
        hidden_size=48,
        num_hidden_layers=4,
        num_attention_heads=3,
        image_size=SIZE,
        pretrain_image_size=112,
        window_block_indices=[0, 2],
        window_size=4,
        use_relative_position_embeddings=True,
    )
    with torch.no_grad():
        theirs: Any = transformers().VitDetModel(config).eval()
        randomise(theirs)
        expected = theirs(images()).last_hidden_state.movedim(1, -1)
        weights = theirs.state_dict()
    for layout, names in (("transformers' ViTDet", {"^": "backbone."}), ("MViTv2", OF_DETECTRON2)):
        save_file(renamed(weights, names), tmp_path / "w.safetensors")
        ours, report = hc.compile("detection/vitdet_b", [*SETTINGS, "position.base=[7, 7]"]).load(
            tmp_path / "w.safetensors"
        )
        assert (report.layout, report.missing, report.unexpected, report.resized) == (layout, (), (), ())
        with torch.no_grad():
            assert differing({"map": ours.eval()(images())[0]}, {"map": expected}) == {}


TIMM_NAMES = {r"attn\.rel_pos_h": "attn.rel_pos.height", r"attn\.rel_pos_w": "attn.rel_pos.width"}


def test_the_map_equals_timm_s_of_sam() -> None:
    sam: Any = timm().models.vision_transformer_sam.VisionTransformerSAM
    with torch.no_grad():
        theirs = sam(
            img_size=SIZE,
            embed_dim=48,
            depth=4,
            num_heads=3,
            window_size=4,
            global_attn_indexes=(1, 3),
            use_rel_pos=True,
            neck_chans=0,
            num_classes=0,
        ).eval()
        randomise(theirs)
        expected = theirs.forward_intermediates(images(), indices=1, intermediates_only=True)[0].movedim(1, -1)
        weights = renamed(theirs.state_dict(), TIMM_NAMES)
        weights["pos_embed"] = weights["pos_embed"].flatten(1, -2)  # a plane there, and a row for each place here
        ours = our_map(["position.base=none"], weights, images())
    assert differing({"map": ours}, {"map": expected}) == {}


@pytest.mark.slow
def test_parameters_and_macs_equal_transformers() -> None:
    config = transformers().VitDetConfig(
        image_size=1024,
        pretrain_image_size=224,
        window_block_indices=[0, 1, 3, 4, 6, 7, 9, 10],
        window_size=14,
        use_relative_position_embeddings=True,
    )
    with torch.device("meta"), without_initialisation():
        theirs: Any = transformers().VitDetModel(config)
    # Theirs has a place for a class token in the table of its pretraining, which is never read.
    params = sum(weight.numel() for weight in theirs.parameters())
    assert hc.compile("detection/vitdet_b", ["neck=none"]).cost.params == params - 768
