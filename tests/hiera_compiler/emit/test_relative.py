"""Decomposed relative positions say the same whatever order the tokens are kept in."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.support.parity import differing, named, randomise
from tests.support.random_specs import Data, compilation

RELATIVE = {"relative": "decomposed"}
POOLED = {"kind": "pooled", "pool": {"kind": "max"}, "unit_stride": False, **RELATIVE}
IMAGE: Data = {"input": {"size": [16, 32]}, "patch": {"kernel": 3, "stride": 2, "padding": 1}}
CLIP: Data = {
    "input": {"size": [16, 32], "frames": 8},
    "patch": {"kernel": [1, 3, 3], "stride": [2, 2, 2], "padding": [0, 1, 1]},
}
UNITS = {"image": [8, 4], "clip": [2, 8, 4]}


def outputs(data: Data, attentions: list[Any], unit: Any) -> dict[str, torch.Tensor]:
    """All outputs for the same images and the same weights, whose names and shapes must be the same too."""
    stages = [
        {"depth": 1, "channels": 8, "heads": 2, "attention": attentions[0]},
        {"depth": 2, "channels": 12, "heads": 2, "attention": attentions[1], "pool": "max"},
        {"depth": 1, "channels": 16, "heads": 4, "attention": attentions[2], "pool": "max", "first_attention": "own"},
    ]
    rest = {"name": "relative", "position": "absolute", "mask_unit": unit, "stages": stages, "head": {"classes": 3}}
    compiled = compilation(data | rest)
    module: Any = compiled.module().eval()
    randomise(module)
    pixels = torch.randn(2, *compiled.spec.input_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return named(module(pixels), module.features(pixels))


@pytest.mark.parametrize(("data", "unit"), [(IMAGE, UNITS["image"]), (CLIP, UNITS["clip"])], ids=UNITS)
@pytest.mark.parametrize("attention", [{"kind": "global", **RELATIVE}, POOLED], ids=["global", "pooled"])
def test_across_mask_units_they_are_those_of_the_whole_grid(data: Data, unit: list[int], attention: Data) -> None:
    whole, cut = (outputs(data, [attention] * 3, wanted) for wanted in ("none", unit))
    assert differing(cut, whole) == {}


@pytest.mark.parametrize(("data", "unit"), [(IMAGE, UNITS["image"]), (CLIP, UNITS["clip"])], ids=UNITS)
def test_inside_mask_units_they_are_those_of_windows(data: Data, unit: list[int]) -> None:
    """Windows shrink as mask units do; a block that pools its queries attends in the windows of the stage before."""
    *time, height, width = unit
    windows = [unit, [*time, height // 2, width // 2]]
    everywhere = {"kind": "global", **RELATIVE}
    inside = outputs(data, [*[{"kind": "mask_unit", **RELATIVE}] * 2, everywhere], unit)
    in_windows = [{"kind": "window", "window": window, **RELATIVE} for window in windows]
    assert differing(outputs(data, [*in_windows, everywhere], "none"), inside) == {}


def test_a_unit_may_be_pooled_into_one_token() -> None:
    small = IMAGE | {"input": {"size": [8, 16]}}
    attention = {"kind": "mask_unit", **RELATIVE}
    inside = outputs(small, [attention, attention, {"kind": "global", **RELATIVE}], 4)
    windows = [{"kind": "window", "window": side, **RELATIVE} for side in (4, 2)]
    assert differing(outputs(small, [*windows, {"kind": "global", **RELATIVE}], "none"), inside) == {}


@pytest.mark.parametrize("attention", [{"kind": "global", **RELATIVE}, POOLED], ids=["global", "pooled"])
def test_a_grid_may_be_pooled_into_one_token(attention: Data) -> None:
    whole, cut = (outputs(IMAGE | {"input": {"size": 8}}, [attention] * 3, unit) for unit in ("none", 4))
    assert differing(cut, whole) == {}


def test_masking_is_refused_where_distances_are_those_of_the_whole_grid() -> None:
    stage = {"depth": 1, "channels": 8, "heads": 2, "attention": {"kind": "global", **RELATIVE}}
    data = IMAGE | {"name": "masked", "position": "absolute", "mask_unit": 4, "stages": [stage]}
    compiled = compilation(data)
    with pytest.raises(ValueError, match="need all of them"):
        compiled.module().features(torch.zeros(1, 3, 16, 32), mask=torch.tensor([[0, 3]]))  # type: ignore[operator]
