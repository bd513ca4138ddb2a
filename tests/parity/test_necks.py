"""Necks are torchvision's feature pyramid and, by its paper, ViTDet's simple one, with random weights carried over."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import hiera_compiler as hc
from tests.support.parity import randomise
from tests.support.public_packages import define_missing_torchvision_ops

CHANNELS = (8, 12, 16, 24)
NARROW = [f"stages.{index}.{key}={n}" for index, c in enumerate(CHANNELS) for key, n in (("channels", c), ("heads", 2))]
SMALL = ["input.size=[64, 96]", "stages.2.depth=2", *NARROW]


def pyramid_and_maps(changes: list[str]) -> tuple[hc.Compilation, Any, list[Tensor], list[Tensor]]:
    """A small Hiera with a neck: its module, the maps of its neck and those of its stages, channels first."""
    compiled = hc.compile("hiera_t", [*SMALL, "head=none", *changes])
    module: Any = compiled.module().eval()
    randomise(module)
    pixels = torch.randn(2, *compiled.spec.input_shape)
    with torch.no_grad():
        found, maps = module(pixels), module.features(pixels)
    return compiled, module, [x.movedim(-1, 1) for x in found], [x.movedim(-1, 1) for x in maps]


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    assert [x.shape for x in found] == [x.shape for x in expected]
    for one, other in zip(found, expected, strict=True):
        assert float((one - other).abs().max() / other.abs().max()) <= 1e-5


@pytest.mark.parametrize("extra", ["max_pool", "none"])
@pytest.mark.parametrize("norm", ["none", "layer_norm"])
def test_a_feature_pyramid_is_torchvisions(extra: str, norm: str) -> None:
    define_missing_torchvision_ops()
    detection: Any = importlib.import_module("torchvision.ops")
    top: Any = importlib.import_module("torchvision.ops.feature_pyramid_network").LastLevelMaxPool()
    neck = f"neck={{kind: feature_pyramid, channels: 12, norm: {norm}, extra: {extra}}}"
    _, module, found, maps = pyramid_and_maps([neck])
    theirs = detection.FeaturePyramidNetwork(
        [x.shape[1] for x in maps],
        12,
        extra_blocks=top if extra == "max_pool" else None,
        norm_layer=ChannelNorm if norm == "layer_norm" else None,
    ).eval()
    ours = module.state_dict()
    renamed = {}
    for name in theirs.state_dict():  # inner_blocks.0.0.weight, and of the norm inner_blocks.0.1.weight
        group, level, part, kind = name.split(".")
        renamed[name] = ours[f"{group if part == '0' else group.replace('blocks', 'norms')}.{level}.{kind}"]
    theirs.load_state_dict(renamed)
    with torch.no_grad():
        expected = list(theirs({str(index): x for index, x in enumerate(maps)}).values())
    assert len(found) == 4 + (extra == "max_pool")
    assert_same(found, expected)


class ChannelNorm(torch.nn.LayerNorm):
    """Layer normalisation of the channels of every place, channels first."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def simple(weights: Mapping[str, Tensor], x: Tensor) -> list[Tensor]:
    """The simple feature pyramid as section 3 of the paper has it, with the weights of a module of ours."""

    def named(name: str) -> Tensor | None:
        return weights.get(name)

    def normed(name: str, x: Tensor) -> Tensor:
        if f"{name}.weight" not in weights:
            return x
        mean, variance = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True)
        scale, shift = (weights[f"{name}.{key}"][:, None, None] for key in ("weight", "bias"))
        return (x - mean) / (variance + 1e-6).sqrt() * scale + shift

    def grown(name: str, x: Tensor) -> Tensor:
        weight = weights[f"{name}.weight"]  # each pixel becomes 2x2, each by its own matrix
        out = torch.einsum("bchw,cdyx->bdhywx", x, weight) + weights[f"{name}.bias"][:, None, None, None, None]
        return out.reshape(len(x), weight.shape[1], 2 * x.shape[2], 2 * x.shape[3])

    levels = []
    for level in range(4):
        name, y = f"simfp_{level}", x
        if level < 2:
            y = grown(f"{name}.up0", y)
        if level == 0:
            y = grown(f"{name}.up1", F.gelu(normed(f"{name}.up0_norm", y)))
        if level == 3:
            y = y.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax((3, 5))
        y = torch.einsum("bchw,dcyx->bdhw", y, weights[f"{name}.lateral.weight"])
        if (bias := named(f"{name}.lateral.bias")) is not None:
            y = y + bias[:, None, None]
        y = F.conv2d(
            normed(f"{name}.lateral_norm", y), weights[f"{name}.output.weight"], named(f"{name}.output.bias"), padding=1
        )
        levels.append(normed(f"{name}.output_norm", y))
    return [*levels, levels[-1][:, :, ::2, ::2]]


@pytest.mark.parametrize("norm", ["none", "layer_norm"])
def test_a_simple_feature_pyramid_is_that_of_its_paper(norm: str) -> None:
    neck = f"neck={{kind: simple_feature_pyramid, channels: 12, norm: {norm}}}"
    _, module, found, maps = pyramid_and_maps([neck, "input.size=[64, 128]"])
    with torch.no_grad():
        assert_same(found, simple(module.state_dict(), maps[-1]))


def test_levels_that_are_not_read_are_left_out_and_two_of_one_resolution_are_added() -> None:
    changes = ["stages.1.pool=none", "mask_unit=4", "neck={kind: feature_pyramid, channels: 6, stages: [0, 1, 3]}"]
    _, module, found, maps = pyramid_and_maps(changes)
    assert [tuple(x.shape[1:]) for x in found] == [(6, 16, 24), (6, 16, 24), (6, 4, 6), (6, 2, 3)]
    inner, outer = module.inner_blocks, module.layer_blocks
    with torch.no_grad():
        top = inner["2"](maps[3])
        middle = inner["1"](maps[1]) + F.interpolate(top, scale_factor=4.0, mode="nearest")
        bottom = inner["0"](maps[0]) + middle
        expected = [outer[str(level)](x) for level, x in enumerate((bottom, middle, top))]
        assert_same(found, [*expected, expected[-1][:, :, ::2, ::2]])


def test_a_neck_of_a_clip_repeats_tokens_in_time_too_where_stages_pool_it() -> None:
    changes = [
        *NARROW,
        "input.size=64",
        "input.frames=8",
        "stages.2.depth=1",
        "stages.2.pool={kind: max, stride: [2, 2, 2]}",
    ]
    changes += ["mask_unit=[2, 8, 8]", "head=none", "neck={kind: feature_pyramid, channels: 6}"]
    compiled = hc.compile("hiera_b_16x224", changes)
    module: Any = compiled.module().eval()
    pixels = torch.randn(1, *compiled.spec.input_shape)
    with torch.no_grad():
        found, maps = module(pixels), [x.movedim(-1, 1) for x in module.features(pixels)]
        assert [tuple(x.shape[1:4]) for x in found] == [(4, 16, 16), (4, 8, 8), (2, 4, 4), (2, 2, 2), (2, 1, 1)]
        top = module.inner_blocks["3"](maps[3])
        third = module.inner_blocks["2"](maps[2]) + F.interpolate(top, scale_factor=(1.0, 2.0, 2.0))
        second = module.inner_blocks["1"](maps[1]) + F.interpolate(third, scale_factor=(2.0, 2.0, 2.0))
        assert_same([found[1].movedim(-1, 1)], [module.layer_blocks["1"](second)])


def test_a_head_beside_a_neck_gives_the_logits_and_the_neck_its_weights() -> None:
    compiled = hc.compile("hiera_t", [*SMALL, "neck={kind: feature_pyramid, channels: 8}"])
    module: Any = compiled.module().eval()
    pixels = torch.randn(1, *compiled.spec.input_shape)
    with torch.no_grad():
        assert module(pixels).shape == (1, 1000)
        assert tuple(module.pyramid(pixels)[0].shape[1:]) == (16, 24, 8)
    neck = next(row for row in compiled.cost.stages if row.name == "neck")
    assert neck.params == sum(8 * channels + 8 + 8 * 8 * 9 + 8 for channels in CHANNELS)
    assert neck.macs == neck.flops == neck.moved == 0  # a forward pass gives the logits and leaves the neck out
    assert compiled.cost.params == sum(parameter.numel() for parameter in module.parameters())
