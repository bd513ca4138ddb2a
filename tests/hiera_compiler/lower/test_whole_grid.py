"""Models without mask units: what they compute is what models with units compute where the two mean the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

import hiera_compiler as hc
from hiera_compiler.emit.functions.tokens import Sinusoid
from hiera_compiler.ir import AsGrid, CropGrid, JoinTokens, KeepUnits, LayerScale, Linear, PadGrid, SlidingPool
from hiera_compiler.lower import lower
from tests.support.parity import randomise
from tests.support.random_specs import Data, compilation


def small(*stages: Data, **changes: Any) -> Data:
    base: Data = {
        "name": "x",
        "input": {"size": [32, 48]},
        "patch": {"kernel": 7, "stride": 4, "padding": 3},
        "position": "absolute",
        "mask_unit": "none",
        "stages": [{"depth": 2, "channels": 8, "heads": 2, "attention": "global"} | stage for stage in stages],
        "head": {"classes": 5},
    }
    return base | changes


def outputs(data: Data, weights: dict[str, Tensor] | None = None) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Maps and logits of random weights, or of these."""
    compiled = compilation(data)
    module: Any = compiled.module(dtype=torch.float64).eval()
    if weights is None:
        randomise(module)
    else:
        module.load_state_dict(weights)
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(2, *compiled.spec.input_shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        return [*module.features(pixels), module(pixels)], module.state_dict()


def assert_same(left: list[Tensor], right: list[Tensor]) -> None:
    for one, other in zip(left, right, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pool", ["max", "average", {"kind": "max", "stride": [2, 1]}])
def test_global_attention_is_the_same_with_and_without_mask_units(pool: Any) -> None:
    stages: tuple[Data, ...] = ({}, {"channels": 16, "pool": pool})
    whole, weights = outputs(small(*stages))
    assert_same(whole, outputs(small(*stages, mask_unit=[2, 4]), weights)[0])


@pytest.mark.parametrize("window", [4, [2, 4], [8, 12]])
def test_windows_that_divide_the_grid_are_mask_units(window: Any) -> None:
    stages: tuple[Data, ...] = ({"attention": "mask_unit"}, {"channels": 16, "pool": "max"})
    units, weights = outputs(small(*stages, mask_unit=window))
    stages = ({"attention": {"kind": "window", "window": window}}, *stages[1:])
    assert_same(units, outputs(small(*stages), weights)[0])


def test_windows_are_padded_before_the_projections_and_cropped_after_them() -> None:
    graph = compilation(small({"attention": {"kind": "window", "window": [3, 5]}})).graph
    block = [node for node in graph if node.block == "blocks.0"]
    ops = [type(node.op) for node in block]
    assert ops.index(AsGrid) < ops.index(PadGrid) < ops.index(Linear) < ops.index(CropGrid)
    assert graph["blocks.0.attn.padded"].shape == (9, 15, 8)
    assert graph["blocks.0.attn.windows"].shape == (9, 15, 8)
    assert graph["blocks.0.attn.cropped"].shape == (8, 12, 8)


def test_a_window_that_pooling_does_not_divide_is_refused() -> None:
    attention: Data = {"kind": "window", "window": 3}
    with pytest.raises(hc.SpecError, match=r"H312.*windows of 3x3 tokens cannot be pooled by 2x2"):
        _ = compilation(small({"attention": attention}, {"pool": "max", "attention": attention})).graph


def test_blocks_named_by_their_numbers_attend_globally() -> None:
    window: Data = {"kind": "window", "window": 4, "qkv_bias": False}
    graph = compilation(small({"attention": window, "depth": 4, "global_at": [0, 2]})).graph
    windowed = [f"blocks.{number}.attn.windows" in graph.nodes for number in range(4)]
    assert windowed == [False, True, False, True]
    assert not any("attn.qkv.bias" in name for name in graph.parameters())


@pytest.mark.parametrize("kind", ["max", "average"])
def test_an_overlapping_kernel_sees_each_mask_unit_as_an_image_of_its_own(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = {"kind": kind, "kernel": 3, "stride": 2, "padding": 1}
    compiled = compilation(small({"depth": 1}, {"depth": 1, "pool": pool}, mask_unit=4, head="none"))
    module: Any = compiled.module().eval()
    randomise(module)
    seen: list[tuple[Tensor, Tensor]] = []
    emitted = vars(sys.modules[type(module).__module__])
    name = {"max": "slide_max", "average": "slide_mean"}[kind]
    slide = emitted[name]

    def noted(x: Tensor, *rest: Any) -> Tensor:
        seen.append((x, slide(x, *rest)))
        return seen[-1][1]

    monkeypatch.setitem(emitted, name, noted)
    with torch.no_grad():
        module(torch.randn(2, 3, 32, 48))
    (op,) = {node.op for node in compiled.graph if isinstance(node.op, SlidingPool)}
    for x, pooled in seen:
        # Units of 4×4 tokens, of which the first fold is the finest offset.
        tokens = x.reshape(2, 6, 2, 2, 2, 2, 8).permute(0, 1, 6, 4, 2, 5, 3).reshape(12, 8, 4, 4)
        function = F.max_pool2d if kind == "max" else F.avg_pool2d
        expected = function(tokens, op.kernel, op.stride, op.padding).flatten(2).transpose(1, 2)
        torch.testing.assert_close(pooled, expected.reshape(2, 6, 4, 8))
    assert len(seen) == 2


def test_a_model_without_mask_units_takes_no_mask() -> None:
    compiled = compilation(small({}))
    assert not any(isinstance(node.op, KeepUnits) for node in compiled.graph)
    with pytest.raises(TypeError, match="mask"):
        compiled.module().features(torch.zeros(1, 3, 32, 48), mask=torch.ones(1, 1))  # type: ignore[operator]
    with pytest.raises(ValueError, match="none to keep"):
        lower(compiled.spec, kept_units=1)


def test_a_class_token_is_in_every_block_and_in_no_map() -> None:
    data = small({}, {"pool": "max", "channels": 16}, class_token=True)
    graph = compilation(data).graph
    assert graph["tokens"].shape == (1, 97, 8)
    assert isinstance(graph["tokens"].op, JoinTokens)
    assert graph["features.0"].shape == (8, 12, 8)
    assert graph["blocks.2.attn.pooled_query_joined"].shape == (1, 25, 16)
    assert graph["features.1"].shape == (4, 6, 16)
    assert graph["grid_tokens"].shape == (1, 24, 16)


def test_the_class_token_is_not_pooled_and_not_in_the_mean() -> None:
    data = small({"depth": 1}, {"depth": 1, "pool": "max"}, class_token=True)
    compiled = compilation(data)
    module: Any = compiled.module().eval()
    randomise(module)
    pixels = torch.randn(2, 3, 32, 48)
    with torch.no_grad():
        last = module.stages(pixels)[-1]
        expected = module.head["projection"](module.norm(last[:, 0, 1:].mean(1)))
        torch.testing.assert_close(module(pixels), expected)
    read = compilation(data | {"head": {"classes": 5, "pooling": "class_token", "norm": "before"}}).module().eval()
    read.load_state_dict(module.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(read(pixels), module.head["projection"](module.norm(last)[:, 0, 0]))


def test_positions_that_are_not_learned_leave_the_class_token_without_one() -> None:
    learned = compilation(small({}, class_token=True)).graph.parameters()
    fixed = compilation(small({}, class_token=True, position="sinusoid")).graph.parameters()
    assert {"cls_token", "pos_embed", "pos_embed_class"} <= set(learned)
    assert set(learned) - set(fixed) == {"pos_embed", "pos_embed_class"}


def test_the_fixed_table_is_the_published_formula_and_survives_loading(tmp_path: Path) -> None:
    compiled = compilation(small({}, position="sinusoid"))
    module: Any = compiled.module()
    table = module.pos_embed().view(96, 8)
    place, channel = 37, 5
    assert float(table[place, channel]) == pytest.approx(float(torch.tensor(place / 10000 ** (4 / 8)).cos()), rel=1e-6)
    assert float(table[place, 4]) == pytest.approx(float(torch.tensor(place / 10000 ** (4 / 8)).sin()), rel=1e-6)
    save_file(module.state_dict(), tmp_path / "weights.safetensors")
    for dtype in (torch.float32, torch.float64):
        again: Any = compiled.load(tmp_path / "weights.safetensors", dtype=dtype)[0]
        assert torch.equal(again.pos_embed(), module.pos_embed().to(dtype))


def test_the_fixed_table_is_exact_far_from_its_first_place() -> None:
    # An exponent in 32 bits is off by 1e-7, and so an angle of the last place by 1e-4.
    table = Sinusoid((8, 14, 14), 96).table.view(1568, 96)
    angles = torch.tensor([[1567 / 10000 ** (2 * pair / 96)] for pair in range(48)], dtype=torch.float64)
    expected = torch.cat((angles.sin(), angles.cos()), 1).flatten()
    torch.testing.assert_close(table[-1].double(), expected, rtol=0, atol=1e-7)


def test_layer_scale_multiplies_each_branch_and_starts_where_the_spec_says() -> None:
    compiled = compilation(small({}, layer_scale=1e-3))
    scales = [node.name for node in compiled.graph if isinstance(node.op, LayerScale)]
    assert scales == ["blocks.0.ls1", "blocks.0.ls2", "blocks.1.ls1", "blocks.1.ls2"]
    module: Any = compiled.module()
    assert torch.equal(module.blocks[0].ls1.gamma.detach(), torch.full((8,), 1e-3))


def test_a_skip_of_maximum_and_mean_needs_twice_the_channels() -> None:
    stage: Data = {"pool": "max", "channels": 24, "skip": "max_and_mean"}
    with pytest.raises(hc.SpecError, match=r"H312.*makes 16 of 8 channels, not 24"):
        _ = compilation(small({}, stage)).graph
    graph = compilation(small({}, stage | {"channels": 16})).graph
    assert "blocks.2.proj.weight" not in graph.parameters()
