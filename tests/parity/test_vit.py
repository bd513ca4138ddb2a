"""Plain vision transformers: timm's on images, transformers' VideoMAE on clips, with their weights in our modules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
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


Rules = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]


def renamed(weights: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    found = {}
    for name, value in weights.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        found[name] = value
    return found


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


OLD_KEYS: Rules = (
    (r"(?<=vit\.)layers\.", "encoder.layer."),
    (r"attention\.q_proj", "attention.attention.query"),
    (r"attention\.k_proj", "attention.attention.key"),
    (r"attention\.v_proj", "attention.attention.value"),
    (r"attention\.o_proj", "attention.output.dense"),
    (r"mlp\.fc1", "intermediate.dense"),
    (r"mlp\.fc2", "output.dense"),
)
"""Keys of transformers before version 5, as in the files on the hub."""


@pytest.mark.parametrize("on_hub", [False, True], ids=["in memory", "on the hub"])
def test_outputs_equal_transformers(on_hub: bool, tmp_path: Path) -> None:
    config = transformers().ViTConfig(image_size=64, num_hidden_layers=2, num_labels=1000, layer_norm_eps=1e-6)
    images = pixels(3, 64, 64)
    with torch.no_grad():
        with without_initialisation():
            theirs = transformers().ViTForImageClassification(config)
        randomise(theirs)
        expected, weights = theirs.eval()(images).logits, theirs.state_dict()
        save_file(renamed(weights, OLD_KEYS) if on_hub else weights, tmp_path / "w.safetensors")
        ours, report = hc.compile("vit_b", ["input.size=64", "stages.0.depth=2"]).load(tmp_path / "w.safetensors")
        assert relative_difference(ours.eval()(images), expected) <= 1e-5
    assert (report.layout, report.missing, report.unexpected) == ("transformers' ViT", (), ())


def test_a_mean_of_tokens_has_a_table_without_a_class_row(tmp_path: Path) -> None:
    images = pixels(3, 56, 56)
    with torch.no_grad():
        with without_initialisation():
            theirs = timm().create_model("vit_huge_patch14_gap_224", img_size=56, depth=1, num_classes=1000)
        randomise(theirs)
        expected = theirs.eval()(images)
        settings = ["input.size=56", "stages.0.depth=1", "class_token=false", "head.pooling=mean"]
        ours, report = loaded(theirs, tmp_path, "vit_h", settings)
        assert differing({"logits": ours(images)}, {"logits": expected}) == {}
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("timm's ViT", (), (), ())


def test_a_file_of_ours_with_a_class_token_is_read_as_it_is(tmp_path: Path) -> None:
    compiled = hc.compile("vit_b", ["input.size=64", "stages.0.depth=1"])
    module = compiled.module()
    save_file(module.state_dict(), tmp_path / "w.safetensors")
    same, report = compiled.load(tmp_path / "w.safetensors")
    assert (report.missing, report.unexpected, report.resized) == ((), (), ())
    assert all(torch.equal(value, same.state_dict()[name]) for name, value in module.state_dict().items())


def test_a_masked_autoencoder_gives_its_encoder_and_its_decoder_is_unexpected(tmp_path: Path) -> None:
    with without_initialisation():
        theirs = timm().create_model("vit_base_patch16_224", img_size=64, depth=1, num_classes=0)
    randomise(theirs)
    decoder = {"mask_token": torch.zeros(1, 1, 8), "decoder_blocks.0.norm1.weight": torch.zeros(8)}
    torch.save({"model": dict(theirs.state_dict()) | decoder}, tmp_path / "mae_pretrain.pth")
    ours, report = hc.compile("vit_b", ["input.size=64", "stages.0.depth=1"]).load(tmp_path / "mae_pretrain.pth")
    assert report.missing == ("head.projection.weight", "head.projection.bias")
    assert set(report.unexpected) == set(decoder)
    assert torch.equal(ours.get_parameter("norm.bias"), theirs.norm.bias)


def videomae(**options: Any) -> Any:
    config = transformers().VideoMAEConfig(image_size=32, num_frames=6, num_labels=400, **options)
    with without_initialisation():
        theirs = transformers().VideoMAEForVideoClassification(config)
    randomise(theirs)
    return theirs.eval()


@pytest.mark.parametrize("size", NAMES)
def test_clips_equal_videomae(size: str, tmp_path: Path) -> None:
    settings = ["input.size=[32, 32]", "input.frames=6", f"stages.0.depth={DEPTHS[size]}"]
    stage = hc.compile(f"vit_{size}_16x224", settings).spec.stages[0]
    sizes = {
        "hidden_size": stage.channels,
        "num_hidden_layers": stage.depth,
        "num_attention_heads": stage.heads,
        "intermediate_size": 4 * stage.channels,
    }
    clips = pixels(3, 6, 32, 32)
    with torch.no_grad():
        theirs = videomae(**sizes)
        output = theirs(clips.transpose(1, 2), output_hidden_states=True)
        ours, report = loaded(theirs, tmp_path, f"vit_{size}_16x224", settings)
        logits, (features,) = ours(clips), ours.features(clips)
    assert relative_difference(logits, output.logits) <= 1e-5
    assert relative_difference(features.flatten(1, 3), output.hidden_states[-1]) <= 1e-5
    assert (report.layout, report.missing, report.unexpected) == ("transformers' ViT", (), ())


OF_THE_AUTHORS: Rules = (
    (r"^videomae\.embeddings\.patch_embeddings\.projection", "patch_embed.proj"),
    (r"^videomae\.encoder\.layer\.", "blocks."),
    (r"attention\.attention\.(query|value)\.bias", lambda at: f"attn.{at[1][0]}_bias"),
    (r"attention\.output\.dense", "attn.proj"),
    (r"intermediate\.dense", "mlp.fc1"),
    (r"output\.dense", "mlp.fc2"),
    (r"layernorm_before", "norm1"),
    (r"layernorm_after", "norm2"),
    (r"^classifier", "head"),
)


def test_files_of_videomae_with_biases_apart_are_the_same_model(tmp_path: Path) -> None:
    weights = videomae(num_hidden_layers=1).state_dict()
    on_hub = renamed(weights, ((r"(query|value)\.bias", lambda at: f"{at[1][0]}_bias"),))
    of_the_authors = renamed(weights, OF_THE_AUTHORS)
    parts = [of_the_authors.pop(f"blocks.0.attention.attention.{part}.weight") for part in ("query", "key", "value")]
    of_the_authors["blocks.0.attn.qkv.weight"] = torch.cat(parts)
    compiled = hc.compile("vit_b_16x224", ["input.size=[32, 32]", "input.frames=6", "stages.0.depth=1"])
    found = []
    for name, tensors in (("transformers' ViT", on_hub), ("VideoMAE", of_the_authors)):
        save_file(tensors, tmp_path / "w.safetensors")
        module, report = compiled.load(tmp_path / "w.safetensors")
        assert (report.layout, report.missing, report.unexpected) == (name, (), ())
        found.append(module.state_dict())
    first, second = found
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not first["blocks.0.attn.qkv.bias"][768:1536].any()


@pytest.mark.parametrize(
    ("size", "params", "products", "blocks"),
    [("b", 86_534_800, 180.3449, 12), ("l", 304_270_736, 596.8331, 24), ("h", 632_119_440, 1190.9941, 32)],
)
def test_parameters_and_products_on_clips_are_videomae_s(size: str, params: int, products: float, blocks: int) -> None:
    compiled = hc.compile(f"vit_{size}_16x224")
    # Ours have a bias of the keys as well, which no softmax sees.
    assert compiled.cost.params == params + blocks * compiled.spec.stages[0].channels
    assert round(compiled.cost.flops / 2e9, 4) == products
