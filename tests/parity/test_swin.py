"""Swin, of timm, of transformers and as its authors saved it: logits and the maps of all stages, by way of a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import differing, loaded, named, randomise, relative_difference, without_initialisation
from tests.support.public_packages import timm, transformers

SIZES = {
    "swin_t": ("swin_tiny_patch4_window7_224", 28_288_354, 4.5092),
    "swin_s": ("swin_small_patch4_window7_224", 49_606_258, 8.7685),
    "swin_b": ("swin_base_patch4_window7_224", 87_768_224, 15.4678),
    "swin_l": ("swin_large_patch4_window7_224", 196_532_476, 34.5311),
}


def settings(depths: tuple[int, ...], size: tuple[int, int]) -> list[str]:
    return [f"input.size={list(size)}", *(f"stages.{index}.depth={depth}" for index, depth in enumerate(depths))]


def images(size: tuple[int, int]) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, *size, generator=generator) + torch.randn(2, 3, 1, 1, generator=generator)


def timm_model(name: str, depths: tuple[int, ...], size: tuple[int, int]) -> Any:
    with without_initialisation():
        theirs = timm().create_model(SIZES[name][0], img_size=size, depths=depths)
    randomise(theirs)
    return theirs.eval()


def assert_equal(name: str, depths: tuple[int, ...], size: tuple[int, int], folder: Path) -> None:
    with torch.no_grad():
        theirs, pixels = timm_model(name, depths, size), images(size)
        features = [x.movedim(1, -1) for x in theirs.forward_intermediates(pixels, intermediates_only=True)]
        expected = named(theirs(pixels), features)
        ours, report = loaded(theirs, folder, name, settings(depths, size))
        assert differing(named(ours(pixels), ours.features(pixels)), expected) == {}
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("Swin", (), (), ())


@pytest.mark.parametrize(
    ("name", "depths"),
    [("swin_t", (2, 2, 6, 2)), ("swin_s", (2, 2, 18, 2)), ("swin_b", (2, 2, 18, 2))],
)
def test_outputs_equal_timm(name: str, depths: tuple[int, ...], tmp_path: Path) -> None:
    assert_equal(name, depths, (224, 224), tmp_path)


def test_outputs_of_swin_l_equal_timm(tmp_path: Path) -> None:
    assert_equal("swin_l", (2, 1, 1, 2), (224, 448), tmp_path)


def as_the_authors_saved(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A merging ends its stage, the head is one layer, and what a model works out is in the file too."""

    def key(name: str) -> str:
        name = re.sub(r"layers\.(\d)\.downsample", lambda at: f"layers.{int(at[1]) - 1}.downsample", name)
        return name.replace("head.fc.", "head.")

    tables = {"layers.0.blocks.0.attn.relative_position_index": torch.zeros(49, 49, dtype=torch.int64)}
    return (
        {key(name): value for name, value in weights.items()}
        | tables
        | {"layers.0.blocks.1.attn_mask": torch.zeros(64, 49, 49)}
    )


def test_a_file_of_the_authors_is_the_same_model(tmp_path: Path) -> None:
    weights = timm_model("swin_t", (2, 1, 1, 1), (224, 224)).state_dict()
    chosen = settings((2, 1, 1, 1), (224, 224))
    save_file(weights, tmp_path / "timm.safetensors")
    torch.save({"model": as_the_authors_saved(weights)}, tmp_path / "authors.pth")
    ours, _ = hc.compile("swin_t", chosen).load(tmp_path / "timm.safetensors")
    same, report = hc.compile("swin_t", chosen).load(tmp_path / "authors.pth")
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("Swin", (), (), ())
    assert all(torch.equal(value, same.state_dict()[name]) for name, value in ours.state_dict().items())


def test_tables_of_another_window_are_resized(tmp_path: Path) -> None:
    theirs = timm_model("swin_t", (1, 1, 1, 1), (224, 224))
    table = theirs.layers[0].blocks[0].attn.relative_position_bias_table.detach().clone()
    windows = [f"stages.{index}.attention.window=12" for index in range(4)]
    ours, report = loaded(theirs, tmp_path, "swin_t", [*settings((1, 1, 1, 1), (384, 384)), *windows])
    assert report.lines()[1] == "resized: attn.relative_bias.table 13×13 to 23×23 in 4 blocks"
    resized = ours.state_dict()["blocks.0.attn.relative_bias.table"]
    # The middle of the window stays the middle, and a border stays near the border.
    assert torch.allclose(resized[23 * 11 + 11], table[13 * 6 + 6], atol=1e-5)


@pytest.mark.parametrize(
    ("on_hub", "size"),
    [(False, (224, 224)), (True, (224, 224)), (False, (256, 288))],
    ids=["in memory", "on the hub", "padded windows"],
)
def test_outputs_equal_transformers(on_hub: bool, size: tuple[int, int], tmp_path: Path) -> None:
    # As the authors' detector, it pads before it shifts; timm shifts before it pads, and differs there.
    depths = (2, 1, 1, 2)
    config = transformers().SwinConfig(depths=depths, num_labels=1000, image_size=size)
    with torch.no_grad():
        with without_initialisation():
            theirs = transformers().SwinForImageClassification(config)
        randomise(theirs)
        pixels, weights = images(size), theirs.state_dict()
        expected = theirs.eval()(pixels).logits
        save_file(old_keys(weights) if on_hub else weights, tmp_path / "w.safetensors")
        ours, report = hc.compile("swin_t", settings(depths, size)).load(tmp_path / "w.safetensors")
        assert relative_difference(ours.eval()(pixels), expected) <= 1e-5
    assert (report.layout, report.missing, report.unexpected) == ("transformers' Swin", (), ())


def old_keys(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The keys as they were before version 5, and are in the files on the hub."""
    rules = (
        (r"attention\.q_proj", "attention.self.query"),
        (r"attention\.k_proj", "attention.self.key"),
        (r"attention\.v_proj", "attention.self.value"),
        (r"attention\.o_proj", "attention.output.dense"),
        (r"attention\.relative_position_bias\.", "attention.self."),
        (r"mlp\.fc1", "intermediate.dense"),
        (r"mlp\.fc2", "output.dense"),
    )
    found = {}
    for name, value in weights.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        found[name] = value
    return found


@pytest.mark.parametrize("name", SIZES)
def test_parameters_and_macs_are_timm_s(name: str) -> None:
    theirs, params, gmacs = SIZES[name]
    cost = hc.compile(name).cost
    assert cost.params == params == sum(x.numel() for x in timm().create_model(theirs).to("meta").parameters())
    assert round(cost.macs / 1e9, 4) == gmacs
