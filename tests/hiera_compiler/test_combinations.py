"""Combinations that nobody published: each runs, learns, masks and is counted, or a rule says why not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import hiera_compiler as hc
from hiera_compiler.estimate.regime import EAGER_AMP
from hiera_compiler.ir import ToUnits
from tests.hiera_compiler.kinds.test_contract import assert_kernels_are_those_of_the_module
from tests.support.parity import randomise
from tests.support.random_specs import Data, compilation

STAGE: Data = {"depth": 1, "channels": 8, "heads": 2, "attention": "global"}
OVERLAPPING: Data = {"kernel": 3, "padding": 1}


def spec(*stages: Data, **changes: Any) -> Data:
    base: Data = {
        "name": "x",
        "input": {"size": [16, 24]},
        "patch": {"kernel": 2, "stride": 2},
        "position": "absolute",
        "mask_unit": "none",
        "stages": [STAGE | stage for stage in stages],
    }
    return base | changes


def clip(*stages: Data, **changes: Any) -> Data:
    return spec(*stages, **({"input": {"size": [8, 8], "frames": 4}} | changes))


POOLED: Data = {"kind": "pooled", "pool": {"kind": "conv"} | OVERLAPPING, "kv_stride": 1}
OWN: Data = {"attention": POOLED, "first_attention": "own"}
COMBINATIONS = {
    "a kernel that slides over units of one token": spec({"pool": "max"}, OWN, mask_unit=2),
    "a kernel without padding that makes a grid smaller": spec({"pool": {"kind": "conv", "stride": 1, "kernel": 3}}),
    "means of images under a kernel larger than a unit": spec(
        {"pool": {"kind": "average"} | OVERLAPPING}, {"pool": {"kind": "average"} | OVERLAPPING}, mask_unit=4
    ),
    "a grid that is one stride, under a larger kernel": spec(
        {"pool": {"kind": "max", "kernel": 3, "padding": 1}}, input={"size": [4, 4]}
    ),
    "means of clips under a kernel larger than a unit": clip(
        {"pool": {"kind": "average"} | OVERLAPPING}, {"pool": {"kind": "average"} | OVERLAPPING}, mask_unit=4
    ),
    "maximum and mean where the block's kernel overlaps": spec(
        {}, {"channels": 16, "skip": "max_and_mean", "pool": {"kind": "conv", "kernel": 3}}
    ),
    "maximum and mean where the block's kernel is padded": spec(
        {}, {"channels": 16, "skip": "max_and_mean", "pool": {"kind": "conv"} | OVERLAPPING}
    ),
    "sixteen stages, two of which pool": spec(
        *({"pool": "max" if number in (0, 9) else "none"} for number in range(16)), mask_unit=4
    ),
    "a first stage that pools in windows, and global blocks in it": spec(
        {"attention": {"kind": "window", "window": 6, "shift": True}, "pool": "max", "depth": 3, "global_at": [1]}
    ),
    "windows larger than the grid": spec({"attention": {"kind": "window", "window": 40, "relative_bias": True}}),
    "strides of three, of one axis and of none": clip(
        *({"pool": {"kind": "max", "stride": stride}} for stride in (3, [2, 1, 1], 1)), mask_unit=[2, 3, 3]
    )
    | {"input": {"size": [12, 6], "frames": 4}},
    "a model of one token": spec({"pool": "max"}, OWN, input={"size": 4}, mask_unit=2),
    "a class token among pooled keys and values": spec(
        {"attention": POOLED | {"kv_stride": 3, "residual": True}, "pool": "average"}, class_token=True
    ),
    "a class token that is not added to what it gathers": spec(
        {"attention": POOLED | {"residual": True, "residual_token": False}}, class_token=True
    ),
    "sines on a clip, merging in time": clip({}, {"pool": {"kind": "merge", "stride": [3, 2, 1]}}, position="sinusoid"),
}


@pytest.mark.parametrize("data", COMBINATIONS.values(), ids=COMBINATIONS)
def test_a_lawful_combination_runs_learns_and_is_counted(data: Data) -> None:
    compiled = compilation(data)
    module: Any = compiled.module()
    randomise(module)
    maps = module(torch.randn(2, *compiled.spec.input_shape))
    graph = compiled.graph
    assert [tuple(x.shape[1:]) for x in maps] == [graph[graph.outputs[name]].shape for name in graph.returned]
    torch.stack([x.square().sum() for x in maps]).sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in module.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        compiled.module("meta").eval()(torch.empty(1, *compiled.spec.input_shape, device="meta"))
    assert counter.get_total_flops() == compiled.cost.flops


@pytest.mark.parametrize("data", COMBINATIONS.values(), ids=COMBINATIONS)
def test_the_kernels_of_a_combination_are_those_that_its_module_calls(data: Data) -> None:
    assert_kernels_are_those_of_the_module(compilation(data), EAGER_AMP)


MASKED = {name: data for name, data in COMBINATIONS.items() if data["mask_unit"] != "none"}


@pytest.mark.parametrize("data", MASKED.values(), ids=MASKED)
def test_units_that_are_kept_are_computed_as_if_they_were_alone(data: Data) -> None:
    local = data | {"stages": [stage | {"attention": "mask_unit"} for stage in data["stages"]], "patch": PLAIN}
    local["input"] = {key: halved(size) for key, size in data["input"].items()}
    compiled = compilation(local)
    module: Any = compiled.module(dtype=torch.float64).eval()
    randomise(module)
    (units,) = (node.shape[0] for node in compiled.graph if isinstance(node.op, ToUnits))
    kept = torch.arange(0, units, 2)[None].expand(2, -1)
    pixels = torch.randn(2, *compiled.spec.input_shape, dtype=torch.float64)
    with torch.no_grad():
        for some, whole in zip(module.stages(pixels, kept), module.stages(pixels), strict=True):
            torch.testing.assert_close(some, whole[:, ::2])


PLAIN: Data = {"kernel": 1, "stride": 1}


def halved(size: Any) -> Any:
    """The size that makes with patches of one pixel the grid that patches of 2x2 make."""
    if isinstance(size, list):
        return [side // 2 for side in size]
    return size


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (spec({"pool": {"kind": "max", "kernel": [9, 9]}}, mask_unit=8, input={"size": 16}), "H305.*makes 0x0 tokens"),
        (
            spec({"attention": {"kind": "window", "window": 4}, "pool": {"kind": "max", "kernel": 4, "padding": 2}}),
            "H312.*pooling makes 3x3 tokens of a window of 4x4, not 2x2",
        ),
        (
            spec({"attention": {"kind": "window", "window": 2}, "pool": {"kind": "max", "kernel": 5}}),
            "H312.*a kernel of 5x5 does not fit 2x2 tokens",
        ),
        (spec({"attention": POOLED | {"pool": {"kind": "max", "padding": 1}}}), "H312.*padding of 1x1 is more than"),
    ],
)
def test_what_does_not_work_out_is_refused_with_its_sizes(data: Data, message: str) -> None:
    with pytest.raises(hc.SpecError, match=message):
        _ = compilation(data).graph
