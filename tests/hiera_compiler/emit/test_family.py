"""Emitted modules equal the family by definition, in values and in gradients, where nobody published a model."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from hiera_compiler import Compilation
from hiera_compiler.ir import ToUnits
from tests.hiera_compiler.emit.family import Family
from tests.support.parity import randomise
from tests.support.random_specs import Data, compilation

TOLERANCE = 1e-9
STAGE: Data = {"depth": 1, "channels": 6, "heads": 2, "attention": "mask_unit"}
FAR: Data = {"kind": "mask_unit", "relative": "decomposed"}
OWN: Data = {"first_attention": "own"}
RELATIVE: Data = {"relative": "decomposed"}
OVERLAPPING: Data = {"kernel": 3, "padding": 1}
CONV: Data = {"kind": "conv", **OVERLAPPING}
POOLED: Data = {"kind": "pooled", "pool": CONV, "kv_stride": 2, "residual": True, **RELATIVE}
POOLED_FIRST: Data = {**POOLED, "relative": "none", "pool_first": True}
BEFORE: Data = {"skip": "pooled_projection"}
SWIN: Data = {"kind": "window", "window": [3, 4], "shift": True, "relative_bias": True}


def image(*stages: Data, **changes: Any) -> Data:
    base: Data = {
        "name": "x",
        "input": {"size": [17, 25], "channels": 2},
        "patch": {"kernel": [3, 2], "stride": 2, "padding": [1, 0], "norm": True},
        "position": "absolute",
        "mask_unit": [9, 4],
        "stages": [STAGE | stage for stage in stages],
        "norm": {"kind": "layer_norm", "epsilon": 1e-3},
        "head": {"classes": 3},
    }
    return base | changes


def clip(*stages: Data, **changes: Any) -> Data:
    base = {
        "input": {"size": [8, 9], "frames": 8, "channels": 2},
        "patch": {"kernel": [3, 2, 2], "stride": [2, 2, 2], "padding": [1, 0, 0]},
        "position": "separable",
        "mask_unit": [2, 4, 2],
    }
    return image(*stages, **(base | changes))


# Images make 9x12 tokens, clips 4x4x4.
SPECS: dict[str, Data] = {
    "kernels of three, two and five that overlap inside mask units": image(
        {"depth": 2},
        {"channels": 8, "pool": {"kind": "max", "stride": [3, 2], "kernel": [5, 2], "padding": [1, 0]}},
        {"channels": 8, "pool": CONV | {"stride": [3, 1]}, "attention": "global"},
        {
            "channels": 16,
            "skip": "max_and_mean",
            "pool": {"kind": "average", "stride": [1, 2], **OVERLAPPING},
        },
        mask_unit=[9, 4],
        layer_scale=0.3,
        activation="relu",
    ),
    "stages that pool by any kind, distances inside mask units, heads that change": clip(
        {"pool": {"kind": "average", "stride": [2, 1, 1]}, "attention": FAR},
        {
            "channels": 9,
            "heads": 3,
            "pool": CONV | {"stride": [1, 2, 1]},
            "attention": FAR,
        },
        {"channels": 8, "heads": 1, "pool": {"kind": "merge", "stride": [1, 2, 2]}},
    ),
    "pooled attention across mask units": clip(
        {"attention": {**POOLED, "relative": "none", "kv_stride": [2, 1, 1]}},
        {"channels": 12, "pool": CONV, "attention": {**POOLED, "relative": "none", "kv_pool": {"kind": "max"}}},
    ),
    "pooled attention with a class token, distances, and an own width of what leaves": image(
        {"depth": 2, "attention": {**POOLED, "kv_stride": [3, 2]}, "out_channels": 12},
        {"channels": 12, "heads": 3, "pool": CONV, "attention": {**POOLED, "residual_token": False}},
        {"channels": 12, "heads": 1, "attention": {"kind": "global", **RELATIVE}},
        mask_unit="none",
        class_token=True,
        head={"classes": 3, "pooling": "class_token", "norm": "before"},
    ),
    "pooled windows on a clip": clip(
        {"attention": {**POOLED, "window": [2, 2, 2]}},
        {"channels": 12, "pool": CONV | {"stride": [2, 2, 2]}, "attention": {**POOLED, "window": [1, 1, 2]}} | OWN,
        mask_unit="none",
    ),
    "shifted windows that do not divide the grid, and patches merged beyond its end": image(
        {"depth": 2, "attention": {**SWIN, "window": [2, 5]}},
        {"depth": 3, "channels": 12, "attention": SWIN | RELATIVE, "pool": "merge", "global_at": [2]} | OWN,
        position="none",
        mask_unit="none",
    ),
    "shifted windows of a clip": clip(
        {"depth": 2, "attention": {**SWIN, "window": [2, 3, 3], "qkv_bias": False}}, position="none", mask_unit="none"
    ),
    "windows whose queries are pooled, global blocks between, and a pyramid": image(
        {"depth": 2, "attention": {"kind": "window", "window": 4}, "global_at": [1]},
        {"channels": 12, "attention": {**SWIN, "window": [4, 6]}, "pool": CONV} | OWN,
        input={"size": [16, 25], "channels": 2},
        mask_unit="none",
        position={"kind": "abswin", "base": [3, 15], "window": [4, 3], "antialias": True},
        neck={"kind": "feature_pyramid", "channels": 4, "norm": "layer_norm"},
    ),
    "a plain trunk with a simple pyramid": clip(
        {"attention": "global"}, mask_unit="none", neck={"kind": "simple_feature_pyramid", "channels": 4}
    ),
    "a stretched table of one column": image(
        {"attention": "global"},
        input={"size": [9, 3], "channels": 2},
        mask_unit="none",
        position={"kind": "abswin", "base": [4, 3], "window": [2, 2], "antialias": True},
    ),
    "pooling before every projection, in mask units and across them": clip(
        {"attention": {"kind": "mask_unit", "pool_first": True}},
        {"channels": 8, "pool": {"kind": "max", "stride": [2, 1, 1]}, **BEFORE},
        {"channels": 12, "heads": 3, "pool": CONV | {"stride": [1, 2, 1]}, "attention": POOLED_FIRST, **BEFORE, **OWN},
    ),
    "pooling before every projection, in windows and with a class token": image(
        {"attention": {**POOLED_FIRST, "relative": "decomposed", "kv_stride": [3, 2]}},
        {"channels": 12, "heads": 3, "pool": CONV, "attention": {"kind": "global", "pool_first": True}} | BEFORE | OWN,
        mask_unit="none",
        class_token=True,
    ),
    "windows pooled before every projection": image(
        {"attention": {"kind": "window", "window": 4, "pool_first": True}},
        {"channels": 12, "attention": {"kind": "window", "window": [4, 6], "pool_first": True}, "pool": CONV} | BEFORE,
        mask_unit="none",
    ),
    "six stages, none of which pools": image(*[{"channels": 4 + 2 * (n % 2)} for n in range(6)], mask_unit=3),
}
MASKED = {name: data for name, data in SPECS.items() if data["mask_unit"] != "none"}


def prepared(data: Data, batch: int) -> tuple[Compilation, Any, dict[str, Tensor], Tensor]:
    """A module in double precision with random weights, the same weights as leaves, and inputs."""
    compiled = compilation(data)
    module: Any = compiled.module(dtype=torch.float64).eval()
    randomise(module)
    weights = {name: weight.detach().clone().requires_grad_() for name, weight in module.named_parameters()}
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(batch, *compiled.spec.input_shape, generator=generator, dtype=torch.float64)
    return compiled, module, weights, pixels


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert float((ours - theirs).abs().max()) <= TOLERANCE * max(1.0, float(theirs.abs().max()))


def gradients(outputs: list[Tensor], weights: Iterable[Tensor]) -> list[Tensor]:
    """Those of a sum of outputs that has another factor for each of their numbers."""
    sums = [(x * torch.arange(x.numel(), dtype=x.dtype).cos().view(x.shape)).sum() for x in outputs]
    return [*torch.autograd.grad(torch.stack(sums).sum(), list(weights))]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("data", SPECS.values(), ids=SPECS)
def test_values_and_gradients_are_those_of_the_definition(data: Data, batch: int) -> None:
    compiled, module, weights, pixels = prepared(data, batch)
    spec = compiled.spec
    found = module.features(pixels)
    found += module.pyramid(pixels) if spec.neck is not None else []
    found += [module(pixels)] if spec.head is not None else []
    samples = [Family(spec, weights, sample).outputs for sample in pixels]
    expected = [torch.stack(each) for each in zip(*samples, strict=True)]
    with torch.no_grad():
        assert_same(found, expected)
    assert_same(gradients(found, dict(module.named_parameters()).values()), gradients(expected, weights.values()))


@pytest.mark.parametrize("as_indices", [True, False])
@pytest.mark.parametrize("data", MASKED.values(), ids=MASKED)
def test_what_is_dropped_is_not_there(data: Data, as_indices: bool) -> None:
    compiled, module, weights, pixels = prepared(data, 2)
    weights = {name: weight.detach() for name, weight in weights.items()}
    units = next(node.op.layout.units for node in compiled.graph if isinstance(node.op, ToUnits))
    every = list(product(*map(range, units)))
    kept = torch.stack([torch.arange(0, len(every), 2), torch.arange(0, len(every), 2) + (len(every) % 2 == 0)])
    mask = torch.zeros(2, len(every), dtype=torch.bool).scatter(1, kept, value=True)
    with torch.no_grad():
        found = module.features(pixels, mask=kept if as_indices else mask)
    samples = [
        Family(compiled.spec, weights, sample, {every[index] for index in row}).outputs
        for sample, row in zip(pixels, kept.tolist(), strict=True)
    ]
    expected = [torch.stack(each) for each in zip(*samples, strict=True)]
    assert_same(found, expected)
