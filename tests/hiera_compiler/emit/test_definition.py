"""Emitted modules equal Hiera by definition: tokens at coordinates, explicit index sets, no window-major order."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from hiera_compiler import Compilation
from hiera_compiler.ir import ToUnits
from tests.hiera_compiler.emit.oracle import Oracle, Place, Tokens
from tests.support.parity import randomise
from tests.support.random_specs import RICH_CLIP, RICH_IMAGE, Data, compilation, specs

TOLERANCE = 1e-10


def prepared(data: Data) -> tuple[Compilation, Any, Tensor]:
    """A module in double precision, all weights random, and two inputs."""
    compiled = compilation(data)
    module = compiled.module(dtype=torch.float64).eval()
    randomise(module)
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(2, *compiled.spec.input_shape, generator=generator, dtype=torch.float64)
    return compiled, module, pixels


def assert_close(ours: Tensor, expected: Tensor) -> None:
    assert ours.shape == expected.shape
    scale = max(1.0, float(expected.abs().max()))
    assert float((ours - expected).abs().max()) <= TOLERANCE * scale


def as_grid(tokens: Tokens) -> Tensor:
    """All tokens in raster order, channels last."""
    sides = [max(place[axis] for place in tokens.at) + 1 for axis in range(len(tokens.unit))]
    stacked = torch.stack([tokens.at[place] for place in product(*map(range, sides))])
    return stacked.reshape(*sides, -1)


def as_units(tokens: Tokens, kept: list[Place]) -> Tensor:
    """The tokens of each kept unit in raster order, channels last."""
    units = [
        torch.stack([tokens.at[place] for place in sorted(tokens.at) if tokens.unit_of(place) == unit]) for unit in kept
    ]
    return torch.stack(units).reshape(len(kept), *tokens.unit, -1)


@settings(max_examples=20)
@example(RICH_IMAGE)
@example(RICH_CLIP)
@given(specs(max_depth=2, units=True, pools=("max",)))
def test_outputs_equal_the_definition(data: Data) -> None:
    compiled, module, pixels = prepared(data)
    with torch.no_grad():
        features, output = module.features(pixels), module(pixels)
    oracle = Oracle(compiled.spec, module.state_dict(), pixels[1].clone())
    for ours, expected in zip(features, oracle.features, strict=True):
        assert_close(ours[1], as_grid(expected))
    if oracle.logits is not None:
        assert_close(output[1], oracle.logits)


@settings(max_examples=12)
@example(RICH_IMAGE, Random(0))
@example(RICH_CLIP, Random(1))
@given(specs(max_depth=2, units=True, pools=("max",)), st.randoms(use_true_random=False))
def test_masked_features_equal_the_definition(data: Data, random: Any) -> None:
    compiled, module, pixels = prepared(data)
    layout = next(node.op.layout for node in compiled.graph if isinstance(node.op, ToUnits))
    places = list(product(*map(range, layout.units)))
    count = random.randint(1, len(places))
    masks = [sorted(random.sample(range(len(places)), count)) for _ in range(2)]
    with torch.no_grad():
        features = module.features(pixels, mask=torch.tensor(masks))
    kept = [places[index] for index in masks[1]]
    oracle = Oracle(compiled.spec, module.state_dict(), pixels[1].clone(), set(kept))
    for ours, expected in zip(features, oracle.features, strict=True):
        whole = count == len(places)
        assert_close(ours[1], as_grid(expected) if whole else as_units(expected, kept))


@pytest.mark.parametrize("change", ["bias", "position", "qkv"])
def test_the_comparison_sees_a_weight_that_is_not_used(change: str) -> None:
    data: Data = {
        "name": "x",
        "input": {"size": 16},
        "patch": {"kernel": 3, "stride": 2, "padding": 1},
        "position": "absolute",
        "mask_unit": 4,
        "stages": [
            {"depth": 1, "channels": 4, "heads": 2, "attention": "mask_unit"},
            {"depth": 1, "channels": 8, "heads": 2, "attention": "global", "pool": "max"},
        ],
    }
    compiled, module, pixels = prepared(data)
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    name = {"bias": "blocks.1.proj.bias", "position": "pos_embed", "qkv": "blocks.1.attn.qkv.weight"}[change]
    weights[name].zero_()
    oracle = Oracle(compiled.spec, weights, pixels[0].clone())
    with torch.no_grad(), pytest.raises(AssertionError):
        assert_close(module.features(pixels)[-1][0], as_grid(oracle.features[-1]))
