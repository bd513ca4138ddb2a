"""ViT and Swin of torchvision, with random weights: logits, by way of a file."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import hiera_compiler as hc
from tests.support.parity import randomise, relative_difference, without_initialisation
from tests.support.public_packages import define_missing_torchvision_ops


def torchvision() -> Any:
    define_missing_torchvision_ops()
    return importlib.import_module("torchvision")


def images(size: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, size, size, generator=generator) + torch.randn(2, 3, 1, 1, generator=generator)


def in_its_files(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """An MLP's layers had names when torchvision's files of ViT were made."""
    return {key.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): weights[key] for key in weights}


@pytest.mark.parametrize("named", [False, True], ids=["in memory", "in its files"])
def test_outputs_of_vit_equal_torchvision(named: bool, tmp_path: Path) -> None:
    with torch.no_grad():
        with without_initialisation():
            model: Any = torchvision().models.VisionTransformer(
                image_size=64, patch_size=16, num_layers=2, num_heads=12, hidden_dim=768, mlp_dim=3072
            )
        randomise(model)
        expected, weights = model.eval()(images(64)), model.state_dict()
        save_file(in_its_files(weights) if named else weights, tmp_path / "w.safetensors")
        ours, report = hc.compile("vit_b", ["input.size=64", "stages.0.depth=2"]).load(tmp_path / "w.safetensors")
        assert relative_difference(ours.eval()(images(64)), expected) <= 1e-5
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("torchvision's ViT", (), (), ())


def test_outputs_of_swin_equal_torchvision(tmp_path: Path) -> None:
    depths = (1, 2, 2, 1)
    with torch.no_grad():
        with without_initialisation():
            model: Any = torchvision().models.SwinTransformer(
                patch_size=[4, 4], embed_dim=96, depths=list(depths), num_heads=[3, 6, 12, 24], window_size=[7, 7]
            )
        randomise(model)
        expected = model.eval()(images(160))  # grids of 40, 20, 10 and 5: windows are padded, and one is the grid
        save_file(model.state_dict(), tmp_path / "w.safetensors")
        settings = ["input.size=160", *(f"stages.{index}.depth={depth}" for index, depth in enumerate(depths))]
        ours, report = hc.compile("swin_t", settings).load(tmp_path / "w.safetensors")
        assert relative_difference(ours.eval()(images(160)), expected) <= 1e-5
    assert (report.layout, report.missing, report.unexpected, report.resized) == ("torchvision's Swin", (), (), ())
