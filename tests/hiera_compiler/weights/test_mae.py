"""Checkpoints of masked autoencoders, and what becomes of their encoders."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

import hiera_compiler as hc
from tests.support.parity import randomise

SMALL = ["input.size=[64, 96]", "stages.1.depth=1", "stages.2.depth=1", "stages.3.depth=1"]
DECODER = ["mae.decoder.depth=1", "mae.decoder.channels=32", "mae.decoder.heads=2"]
TRANSFORMERS = (
    (r"^blocks\.(\d)\.", r"hiera.encoder.stages.\1.layers.0."),
    (r"^patch_embed\.proj\.", "hiera.embeddings.patch_embeddings.projection."),
    (r"^pos_embed$", "hiera.embeddings.position_embeddings"),
    (r"^decoder_blocks\.(\d)\.", r"decoder.decoder_block.layers.\1."),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"^mask_token$", "decoder.mask_token"),
    (r"^decoder_pos_embed$", "decoder.decoder_position_embeddings"),
    (r"^decoder_embed\.", "decoder.decoder_embeddings."),
    (r"^decoder_(norm|pred)\.", r"decoder.decoder_\1."),
    (r"^multi_scale_fusion_heads\.", "multiscale_fusion.multi_scale_fusion_heads."),
)


def compiled(*settings: str) -> hc.Compilation:
    return hc.compile("hiera_t", [*SMALL, *DECODER, *settings], task="mae")


def random_module(compilation: hc.Compilation) -> Any:
    module = compilation.module().eval()
    randomise(module)
    return module


def in_transformers_layout(name: str) -> str:
    for pattern, replacement in TRANSFORMERS:
        name = re.sub(pattern, replacement, name)
    return name


def test_keys_of_transformers_load_with_nothing_left(tmp_path: Path) -> None:
    compilation = compiled()
    module = random_module(compilation)
    tensors = {in_transformers_layout(name): tensor for name, tensor in module.state_dict().items()}
    assert sum(key.startswith("decoder.") for key in tensors) == 20
    save_file(tensors, tmp_path / "mae.safetensors")
    loaded, report = compilation.load(tmp_path / "mae.safetensors")
    assert (report.layout, report.missing, report.unexpected) == ("transformers", (), ())
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in loaded.state_dict().items())


def test_an_encoder_alone_leaves_the_decoder_at_its_initial_values(tmp_path: Path) -> None:
    compilation = compiled()
    module = random_module(compilation)
    apart = ("decoder", "mask_token", "multi_scale")
    trunk = {name: tensor for name, tensor in module.state_dict().items() if not name.startswith(apart)}
    save_file(trunk, tmp_path / "trunk.safetensors")
    loaded, report = compilation.load(tmp_path / "trunk.safetensors")
    assert set(report.missing) == set(module.state_dict()) - set(trunk)
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in trunk.items())
    assert 0.01 < float(loaded.get_parameter("mask_token").detach().std()) < 0.04
    assert all(parameter.isfinite().all() for parameter in loaded.parameters())


def test_a_decoder_of_another_size_is_refused(tmp_path: Path) -> None:
    save_file(compiled().module().state_dict(), tmp_path / "mae.safetensors")
    with pytest.raises(hc.SpecError) as caught:
        compiled("mae.decoder.channels=64").load(tmp_path / "mae.safetensors")
    assert [found.code for found in caught.value.diagnostics] == ["H805"]


def test_an_autoencoder_of_images_is_another_architecture_than_one_of_clips(tmp_path: Path) -> None:
    changes = [f"stages.{index}.depth=1" for index in range(4)]
    images = hc.compile("hiera_b", [*changes, *DECODER, "input.size=64"], "mae")
    save_file(images.module().state_dict(), tmp_path / "mae.safetensors")
    clips = hc.compile("hiera_b_16x224", [*changes, *DECODER, "input.size=96"], "mae")
    with pytest.raises(hc.SpecError, match="the file holds a model for images") as caught:
        clips.load(tmp_path / "mae.safetensors")
    assert [found.code for found in caught.value.diagnostics] == ["H805"]


def test_the_encoder_becomes_a_classifier_in_one_call() -> None:
    compilation = compiled()
    pretrained = random_module(compilation)
    classifier, report = compilation.classifier(pretrained)
    assert report.missing == ("head.projection.weight", "head.projection.bias")
    before, after = pretrained.state_dict(), classifier.state_dict()
    assert torch.equal(after["norm.weight"], before["encoder_norm.weight"])
    assert torch.equal(after["norm.bias"], before["encoder_norm.bias"])
    assert all(torch.equal(value, before[name]) for name, value in after.items() if name.startswith("blocks."))
    maps: Any = classifier
    pixels = torch.randn(1, 3, 64, 96)
    assert [tuple(x.shape[1:3]) for x in maps.features(pixels)] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert maps(pixels).shape == (1, 1000)
    with torch.no_grad():
        classifier.get_parameter("norm.bias").zero_()
    assert pretrained.get_parameter("encoder_norm.bias").any()  # a copy: fine-tuning leaves the autoencoder alone


LEARNED = "{kind: pooled, pool: {kind: conv, kernel: 2, padding: 0}, unit_stride: false}"


@pytest.mark.parametrize(
    "changes",
    [
        ["stages.3.channels=384", "stages.3.heads=4", "stages.3.pool=merge"],
        ["stages.3.pool=merge"],
        ["stages.3.pool=conv"],
        ["stages.3.first_attention=own", f"stages.3.attention={LEARNED}"],
        ["stages.3.first_attention=own", "stages.3.attention={kind: global, pool_first: true}", "stages.3.pool=conv"],
    ],
    ids=["merge", "widening merge", "conv", "pooled", "pooled first"],
)
def test_a_learned_pooling_of_the_last_stage_is_new_when_it_pools_again(changes: list[str], tmp_path: Path) -> None:
    compilation = compiled(*changes)
    pretrained = random_module(compilation)
    classifier, report = compilation.classifier(pretrained)
    new = [name for name in report.missing if not name.startswith("head.")]
    assert new
    assert all(name.startswith("blocks.3.") for name in new)
    before, after = pretrained.state_dict(), classifier.state_dict()
    taken = {name for name, x in after.items() if name in before and torch.equal(x, before[name])}
    assert set(after) - taken == {*report.missing, "norm.weight", "norm.bias"}
    save_file(pretrained.state_dict(), tmp_path / "mae.safetensors")
    of_classifier = hc.compile("hiera_t", [*SMALL, *changes])
    loaded, same = of_classifier.load(tmp_path / "mae.safetensors")
    assert same.missing == report.missing
    assert all(bool(weight.isfinite().all()) for weight in loaded.state_dict().values())
    assert loaded(torch.randn(1, 3, 64, 96)).shape == (1, 1000)
    state = {name: x for name, x in classifier.state_dict().items() if name not in new}
    save_file(state, tmp_path / "classifier.safetensors")
    with pytest.raises(hc.SpecError) as caught:  # only pretraining leaves them out
        of_classifier.load(tmp_path / "classifier.safetensors")
    assert [found.code for found in caught.value.diagnostics] == ["H805"]


def test_patch_merging_merges_nothing_in_pretraining_and_widens_alike(tmp_path: Path) -> None:
    pretrained = random_module(compiled("stages.3.pool=merge"))
    shapes = {name: tuple(x.shape) for name, x in pretrained.state_dict().items() if name.startswith("blocks.3.")}
    assert shapes["blocks.3.merge.norm.weight"] == (384,)
    assert shapes["blocks.3.merge.reduction.weight"] == (768, 384)
    assert shapes["blocks.3.attn.qkv.weight"] == (2304, 768)
    state = pretrained.state_dict() | {"blocks.3.merge.norm.weight": torch.ones(383)}
    save_file(state, tmp_path / "mae.safetensors")
    with pytest.raises(hc.SpecError, match="383") as caught:
        hc.compile("hiera_t", [*SMALL, "stages.3.pool=merge"]).load(tmp_path / "mae.safetensors")
    assert [found.code for found in caught.value.diagnostics] == ["H805"]


def test_a_clip_s_decoder_gets_its_table_resized_in_space_and_in_time(tmp_path: Path) -> None:
    small = ["stages.1.depth=1", "stages.2.depth=1", "stages.3.depth=1", *DECODER]
    pretrained = random_module(hc.compile("hiera_b_16x224", [*small, "input.size=96"], "mae"))
    save_file(pretrained.state_dict(), tmp_path / "mae.safetensors")
    table = pretrained.state_dict()["decoder_pos_embed"].reshape(8, 6, 6, 32).permute(3, 0, 1, 2)[None]
    for size, frames in ((64, 32), (128, 8)):  # whose frames, of their size, would be 18, and no whole number
        other = hc.compile("hiera_b_16x224", [*small, f"input.size={size}", f"input.frames={frames}"], "mae")
        module, report = other.load(tmp_path / "mae.safetensors")
        shape = (frames // 2, size // 16, size // 16)
        assert report.resized[0].before == (8, 6, 6)
        assert report.resized[0].after == shape
        in_space = F.interpolate(table[0].transpose(0, 1), size=shape[1:], mode="bicubic").transpose(0, 1)[None]
        expected = F.interpolate(in_space, size=shape, mode="trilinear").flatten(2).transpose(1, 2)
        torch.testing.assert_close(module.state_dict()["decoder_pos_embed"], expected)


def test_a_classifier_of_another_input_size_gets_a_resized_table() -> None:
    other = hc.compile("hiera_t", [*SMALL, "input.size=[96, 96]"])
    classifier, report = other.classifier(random_module(compiled("input.size=64")))
    assert [str(change) for change in report.resized] == ["pos_embed 16×16 to 24×24"]
    assert classifier.get_parameter("pos_embed").shape == (1, 576, 96)


def test_an_autoencoder_of_another_trunk_is_refused() -> None:
    with pytest.raises(hc.SpecError) as caught:
        hc.compile("hiera_t", [*SMALL, "stages.2.depth=2"]).classifier(random_module(compiled()))
    assert [found.code for found in caught.value.diagnostics] == ["H805"]


def test_relative_positions_in_units_that_shrink_where_the_last_stage_pools_are_resized(tmp_path: Path) -> None:
    settings = ["stages.3.depth=2", "stages.3.attention={kind: mask_unit, relative: decomposed}"]
    module = random_module(compiled(*settings))
    save_file(module.state_dict(), tmp_path / "mae.safetensors")
    classifier, _ = hc.compile("hiera_t", [*SMALL, *settings]).load(tmp_path / "mae.safetensors")
    tables = [name for name in classifier.state_dict() if "rel_pos" in name]
    assert len(tables) == 2
    for name in tables:
        # Units of 2×2 tokens know three distances a side, those of one token that to itself, which is in the middle.
        assert torch.equal(classifier.get_parameter(name), module.get_parameter(name)[1:2])
