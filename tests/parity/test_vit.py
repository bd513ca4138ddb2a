"""Plain vision transformers: timm's on images, transformers' VideoMAE on clips, with their weights in our modules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import differing, loaded, randomise, relative_difference, without_initialisation
from tests.support.public_packages import timm, transformers

NAMES = {"b": "vit_base_patch16_224", "l": "vit_large_patch16_224", "h": "vit_huge_patch14_224"}
# The large ones have all their widths and two blocks.
DEPTHS = {"b": 12, "l": 2, "h": 2}
PATCH = {"b": 16, "l": 16, "h": 14}


def pixels(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, *shape, generator=generator) + torch.randn(2, *(1 for _ in shape), generator=generator)


@pytest.mark.parametrize("size", NAMES)
def test_outputs_equal_timm(size: str, tmp_path: Path) -> None:
    height, width = 4 * PATCH[size], 6 * PATCH[size]
    images = pixels(3, height, width)
    with torch.no_grad():
        with without_initialisation():
            theirs = timm().create_model(NAMES[size], img_size=(height, width), depth=DEPTHS[size], num_classes=1000)
        randomise(theirs)
        (tokens,) = theirs.eval().forward_intermediates(
            images, indices=1, output_fmt="NCHW", intermediates_only=True, norm=False
        )
        expected = {"logits": theirs(images), "features": tokens.permute(0, 2, 3, 1)}
        settings = [f"input.size=[{height}, {width}]", f"stages.0.depth={DEPTHS[size]}"]
        ours, report = loaded(theirs, tmp_path, f"vit_{size}", settings)
        outputs = {"logits": ours(images), "features": ours.features(images)[0]}
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("timm's ViT", (), (), ())
    assert differing(outputs, expected) == {}


def test_a_table_is_resized_without_the_class_token(tmp_path: Path) -> None:
    with without_initialisation():
        theirs = timm().create_model("vit_base_patch16_224", img_size=64, depth=1)
    randomise(theirs)
    table = theirs.pos_embed.detach().clone()
    ours, report = loaded(theirs, tmp_path, "vit_b", ["input.size=96", "stages.0.depth=1"])
    assert [str(change) for change in report.resized] == ["pos_embed 4×4 to 6×6"]
    assert torch.equal(ours.pos_embed_class, table[:, :1])
    assert ours.pos_embed.shape == (1, 36, 768)


def our_names(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """VideoMAE's weights under our names: three projections in one, the keys' bias, which it lacks, at zero."""
    rules = (
        (r"^videomae\.embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
        (r"^videomae\.encoder\.layer\.(\d+)\.", r"blocks.\1."),
        (r"\.attention\.output\.dense\.", ".attn.proj."),
        (r"\.layernorm_before\.", ".norm1."),
        (r"\.layernorm_after\.", ".norm2."),
        (r"\.intermediate\.dense\.", ".mlp.fc1."),
        (r"\.output\.dense\.", ".mlp.fc2."),
        (r"^fc_norm\.", "norm."),
        (r"^classifier\.", "head.projection."),
    )
    found: dict[str, Tensor] = {}
    for key, value in theirs.items():
        for pattern, replacement in rules:
            key = re.sub(pattern, replacement, key)
        found[key] = value
    blocks = sorted({key.split(".attention.")[0] for key in found if ".attention.attention." in key})
    for block in blocks:
        weights = {name: found.pop(f"{block}.attention.attention.{name}.weight") for name in ("query", "key", "value")}
        biases = {name: found.pop(f"{block}.attention.attention.{name}.bias") for name in ("query", "value")}
        biases["key"] = torch.zeros_like(biases["query"])
        found[f"{block}.attn.qkv.weight"] = torch.cat([weights[name] for name in ("query", "key", "value")])
        found[f"{block}.attn.qkv.bias"] = torch.cat([biases[name] for name in ("query", "key", "value")])
    return found


@pytest.mark.parametrize("size", NAMES)
def test_clips_equal_videomae(size: str) -> None:
    compiled = hc.compile(
        f"vit_{size}_16x224", ["input.size=[32, 32]", "input.frames=6", f"stages.0.depth={DEPTHS[size]}"]
    )
    stage = compiled.spec.stages[0]
    config = transformers().VideoMAEConfig(
        image_size=32,
        num_frames=6,
        hidden_size=stage.channels,
        num_hidden_layers=stage.depth,
        num_attention_heads=stage.heads,
        intermediate_size=4 * stage.channels,
        num_labels=400,
    )
    clips = pixels(3, 6, 32, 32)
    with torch.no_grad():
        with without_initialisation():
            theirs: Any = transformers().VideoMAEForVideoClassification(config)
            ours: Any = compiled.module()
        randomise(theirs)
        ours.load_state_dict(our_names(theirs.state_dict()))
        output = theirs.eval()(clips.transpose(1, 2), output_hidden_states=True)
        logits, (features,) = ours.eval()(clips), ours.features(clips)
    assert relative_difference(logits, output.logits) <= 1e-5
    assert relative_difference(features.flatten(1, 3), output.hidden_states[-1]) <= 1e-5


@pytest.mark.parametrize(
    ("size", "params", "products", "blocks"),
    [("b", 86_534_800, 180.3449, 12), ("l", 304_270_736, 596.8331, 24), ("h", 632_119_440, 1190.9941, 32)],
)
def test_parameters_and_products_on_clips_are_videomae_s(size: str, params: int, products: float, blocks: int) -> None:
    compiled = hc.compile(f"vit_{size}_16x224")
    # Ours have a bias of the keys as well, which no softmax sees.
    assert compiled.cost.params == params + blocks * compiled.spec.stages[0].channels
    assert round(compiled.cost.flops / 2e9, 4) == products
