"""The paths from MViTv2 to Hiera (Hiera, Table 1): each step changes one thing, and the last spec is Hiera-L."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

import hiera_compiler as hc
from hiera_compiler import bundled
from hiera_compiler.emit.functions.pooling import slide_convolution
from hiera_compiler.emit.prelude import to_grid, to_units

FOLDERS = {"ablation": "hiera_l", "ablation_video": "hiera_l_16x224"}
CHANGED = (
    {"position", "mask_unit", "relative"},
    {"pool", "kind", "norm"},
    {"unit_stride"},
    {"kernel", "padding"},
    {"residual"},
    {"attention", "first_attention"},
)
"""The last keys of what a step changes; separate-and-pad comes with the mask units that MAE needs."""
CUT_DOWN = {"ablation_video/a_absolute": {"kv_stride"}}
"""On clips the path starts from a cut-down MViTv2, with twice the stride of keys and values (Hiera, Section 3.2)."""


def leaves(data: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if isinstance(data, dict):
        return {key: value for name, one in data.items() for key, value in leaves(one, (*path, name)).items()}
    if isinstance(data, list) and data and isinstance(data[0], dict):
        return leaves({str(index): one for index, one in enumerate(data)}, path)
    return {path: data}


def changes(before: str, after: str) -> set[tuple[str, ...]]:
    old, new = (leaves(hc.compile(name).spec.resolved().data()) for name in (before, after))
    return {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)} - {("name",)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_path_ends_at_hiera_l(folder: str) -> None:
    assert hc.compile(bundled.folder(folder)[-1]).spec.hash == hc.compile(FOLDERS[folder]).spec.hash


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_step_changes_one_thing(folder: str) -> None:
    steps = list(pairwise(bundled.folder(folder)))
    assert len(steps) == len(CHANGED)
    for (before, after), allowed in zip(steps, CHANGED, strict=True):
        found = changes(before, after)
        assert found
        assert all((allowed | CUT_DOWN.get(after, set())).intersection(path) for path in found), (after, found)


@pytest.mark.parametrize("step", ["a_absolute", "c_no_unit_strides", "e_no_residuals"])
def test_keys_and_values_are_pooled_in_the_first_two_stages_only(step: str) -> None:
    for folder, whole in (("ablation", (1, 1)), ("ablation_video", (1, 1, 1))):
        stages = hc.compile(f"{folder}/{step}").spec.stages
        strides = [stage.attention.kv_stride for stage in stages]  # type: ignore[attr-defined]
        assert [stride != whole for stride in strides] == [True, True, False, False]


@pytest.mark.parametrize("side", [8, 4])
def test_a_kernel_that_overlaps_sees_padding_where_its_mask_unit_ends(side: int) -> None:
    folds = ((2, 2),) * (side.bit_length() - 1)
    grid = torch.randn(2, 2 * side, 3 * side, 4)
    convolution = nn.Conv2d(2, 2, 3, 2, 1, groups=2, bias=False)
    with torch.no_grad():
        pooled = slide_convolution(to_units(grid, folds), convolution, (folds, folds[1:]))
        found = to_grid(pooled, (2, 3), folds[1:])
        for row, column in ((0, 0), (1, 2)):
            unit = grid[:, row * side :, column * side :][:, :side, :side].movedim(-1, 1)
            alone = torch.cat([convolution(half) for half in unit.chunk(2, 1)], 1).movedim(1, -1)
            half = side // 2
            torch.testing.assert_close(found[:, row * half :, column * half :][:, :half, :half], alone)


@pytest.mark.parametrize("name", ["ablation/a_absolute", "ablation/c_no_unit_strides", "ablation_video/a_absolute"])
def test_all_mask_units_kept_are_the_whole_input(name: str) -> None:
    depths = [f"stages.{index}.depth=1" for index in range(4)]
    frames = ["input.frames=4"] if "video" in name else []
    compiled = hc.compile(name, ["input.size=64", *frames, *depths])
    module: Any = compiled.module().eval()
    pixels = torch.randn(1, *compiled.spec.input_shape)
    kept = torch.arange(8 if frames else 4)[None]
    with torch.no_grad():
        masked, whole = module.features(pixels, mask=kept)[-1], module.features(pixels)[-1]
    torch.testing.assert_close(masked.flatten(), whole.flatten())


def test_each_mask_unit_is_pooled_as_an_image_of_its_own() -> None:
    compiled = hc.compile("ablation/a_absolute", ["input.size=64", *(f"stages.{index}.depth=1" for index in range(4))])
    units = [node.op for node in compiled.graph if type(node.op).__name__ in ("SlidingConvolution", "SlidingPool")]
    assert {op.before.units for op in units} == {(2, 2)}  # type: ignore[attr-defined]
    assert [op.before.unit for op in units][:2] == [(8, 8), (8, 8)]  # type: ignore[attr-defined]


def test_clips_of_mvitv2_have_the_published_cost() -> None:
    published = {
        "mvitv2_s_16x224": (34.5, 64),
        "mvitv2_b_32x224": (51.2, 225),
        "mvitv2_l_16x224": (217.6, 377),
        "mvitv2_l_40x312": (213.4, 2828),
    }
    found = {name: hc.compile(name).cost for name in published}
    assert {name: (round(cost.params / 1e6, 1), round(cost.macs / 1e9)) for name, cost in found.items()} == published
