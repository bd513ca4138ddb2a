"""Weights that other code bases cut in another way, where they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import hiera_compiler as hc
from hiera_compiler.weights import LoadReport

SWIN = ["input.size=112", *(f"stages.{index}.depth=1" for index in range(4)), *(
    f"stages.{index}.channels={channels}" for index, channels in enumerate((12, 24, 48, 96))
)]  # fmt: skip


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Those of a small Swin, with the projections of its first block as three layers."""
    found = dict(hc.compile("swin_t", SWIN).module().state_dict())
    for kind in ("weight", "bias"):
        parts = found.pop(f"blocks.0.attn.qkv.{kind}").chunk(3)
        found |= {f"blocks.0.attn.{part}.{kind}": value.clone() for part, value in zip("qkv", parts, strict=True)}
    return found


def load(weights: Mapping[str, Tensor], folder: Path) -> LoadReport:
    save_file(dict(weights), folder / "w.safetensors")
    return hc.compile("swin_t", SWIN).load(folder / "w.safetensors")[1]


def refusal(weights: Mapping[str, Tensor], folder: Path) -> hc.Diagnostic:
    with pytest.raises(hc.SpecError) as caught:
        load(weights, folder)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def test_three_projections_are_one_weight_of_the_report(weights: dict[str, Tensor], tmp_path: Path) -> None:
    report = load(weights, tmp_path)
    assert (report.loaded, report.missing, report.unexpected) == (len(weights) - 4, (), ())


@pytest.mark.parametrize("value", [None, torch.zeros(12, 13), torch.zeros(12, 12).half(), torch.tensor(0.0)])
def test_projections_of_which_one_does_not_fit_stay_apart_and_are_named(
    value: Tensor | None, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    changed = {name: tensor for name, tensor in weights.items() if name != "blocks.0.attn.k.weight"}
    if value is not None:
        changed["blocks.0.attn.k.weight"] = value
    diagnostic = refusal(changed, tmp_path)
    assert diagnostic.code == "H805"
    assert "blocks.0.attn.qkv.weight is not in the file, and [36, 12] in the model" in diagnostic.notes


def test_joined_projections_of_another_width_are_said_as_the_model_has_them(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    wider = {f"blocks.0.attn.{part}.weight": torch.zeros(16, 12) for part in "qkv"}
    diagnostic = refusal(weights | wider, tmp_path)
    assert diagnostic.notes[0] == "blocks.0.attn.qkv.weight is [48, 12] in the file, and [36, 12] in the model"


@pytest.mark.parametrize("rows", [170, 144])
def test_a_table_of_offsets_that_no_window_has_is_refused(
    rows: int, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    diagnostic = refusal(weights | {"blocks.0.attn.relative_bias.table": torch.zeros(rows, 3)}, tmp_path)
    assert diagnostic.code == "H806"


def test_buffers_are_neither_loaded_nor_unexpected(weights: dict[str, Tensor], tmp_path: Path) -> None:
    buffers = {"blocks.0.attn.relative_position_index": torch.zeros(49, 49, dtype=torch.int64)}
    assert load(weights | buffers | {"blocks.0.attn_mask": torch.zeros(4, 49, 49)}, tmp_path).unexpected == ()
