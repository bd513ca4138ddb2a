"""Kernels over planes: what they issue is what public measurements of single kernels say, none of them of the paper."""

from __future__ import annotations

from collections import Counter

import pytest

import hiera_compiler as hc
from hiera_compiler.estimate import planes
from hiera_compiler.estimate.kernel import Kernel, kernel
from hiera_compiler.estimate.kernels import calls_of, kernel_list
from hiera_compiler.estimate.programs import BATCH
from hiera_compiler.estimate.programs.published_pool import steps
from hiera_compiler.estimate.regime import PAPER
from hiera_compiler.estimate.tape import Call
from hiera_compiler.estimate.tensor import Sizes, Tensor, row_major

A100 = 108 * 4 * 1.41e9
"""Instructions of warps in a second: multiprocessors, schedulers, clock."""
H20 = 78 * 4 * 1.98e9
OVERHEAD = 5e-6
"""Seconds that a launch and the events around it take in the rows of an H20; the smallest there takes 6.6 µs."""
SMALL = ["input.size=64", *(f"stages.{index}.depth=1" for index in range(4))]


def tensor(shape: Sizes) -> Tensor:
    return Tensor(shape, row_major(shape), "fp16", 0)


def pooling(shape: Sizes, stride: int) -> Call:
    """A kernel of 3x3x3 with a padding of 1."""
    sides = tuple((side - 1) // stride + 1 for side in shape[2:])
    out = tensor((*shape[:2], *sides))
    walked = steps(shape[2:], sides, (3, 3, 3), (stride,) * 3, (1, 1, 1))
    return Call("max_pool3d_with_indices", (tensor(shape),), (out, out._replace(dtype="int64")), detail=walked)


def convolution(shape: Sizes, kernel: Sizes) -> Call:
    weight = tensor((shape[1], 1, *kernel))
    return Call("convolution", (tensor(shape), weight), (tensor(shape),), detail=shape[1])


def seconds(issued: float, rate: float) -> float:
    return issued / planes.LANES_OF_A_SLOT / rate


@pytest.mark.parametrize(
    ("shape", "rate", "measured"),
    [
        pytest.param((1, 64, 15, 75, 315), A100, 805e-6, id="A100: PyTorch issue 110885"),
        pytest.param((1, 32, 16, 32, 32), H20, 24.27e-6 - OVERHEAD, id="H20: FlagGems pull request 5539"),
    ],
)
def test_a_depthwise_convolution_takes_as_long_as_measured(shape: Sizes, rate: float, measured: float) -> None:
    found = planes.depthwise_issued(convolution(shape, (3, 3, 3)))
    assert seconds(found, rate) == pytest.approx(measured, rel=0.06)


@pytest.mark.parametrize(
    ("shape", "measured"),
    [((8, 64, 8, 28, 28), 58.34e-6), ((16, 128, 4, 14, 14), 53.06e-6), ((32, 256, 2, 7, 7), 50.82e-6)],
)
def test_pooling_on_an_h20_takes_as_long_as_measured(
    monkeypatch: pytest.MonkeyPatch, shape: Sizes, measured: float
) -> None:
    """FlagGems, pull request 5736: a newer kernel, whose counts for compute capability 9.0 stand in for ours."""
    monkeypatch.setattr(planes, "POOL_IDLE", 51)
    monkeypatch.setattr(planes, "POOL_SETUP", 260)
    monkeypatch.setattr(planes, "POOL_TAP", 1.7 * 21.8)
    found = planes.pooling_issued(pooling(shape, stride=2))
    assert seconds(found, H20) == pytest.approx(measured - OVERHEAD, rel=0.06)


def test_pooling_of_tiny_planes_costs_many_times_that_of_large_ones() -> None:
    tiny, large = pooling((256, 64, 1, 2, 2), stride=1), pooling((1, 64, 1, 32, 32), stride=1)
    assert tiny.writes[0].elements == large.writes[0].elements
    assert planes.pooling_issued(tiny) > 8 * planes.pooling_issued(large)


def test_padding_is_not_walked_over_and_a_row_is_as_slow_as_its_longest_walk() -> None:
    assert steps((2, 2), (2, 2), (3, 3), (1, 1), (1, 1)) == 4 * 4
    assert steps((4, 4), (2, 2), (3, 3), (2, 2), (1, 1)) == (2 + 3) * (3 + 3)


def test_a_kernel_of_one_frame_is_not_compiled_for_its_size() -> None:
    shape = (64, 72, 1, 14, 14)
    flat, cube = (kernel(convolution(shape, size), 1).issued for size in ((1, 3, 3), (3, 3, 3)))
    assert 0.8 * cube < flat < cube


def paper_block(name: str, stage: int) -> list[Kernel]:
    """The last kernels of a stage with one block, that pools queries, keys and values by a stride."""
    sections = kernel_list(hc.compile(name, SMALL).graph, PAPER)
    return [one for section in sections if section.name == f"stage {stage}" for one in section.kernels.listed]


def pooled(block: list[Kernel], name: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in block:
        if one.node.startswith(f"attn.pool_{name}"):
            counts[one.kind] += int(one.count)
    return counts


def test_mask_units_are_separated_and_put_back_by_copies() -> None:
    units = paper_block("ablation/a_absolute", 2)
    assert pooled(units, "q") == {"copy": 3, "depthwise": 1, "cast": 1, "norm": 1}
    assert pooled(paper_block("ablation/b_max_pools", 2), "k") == {"copy": 3, "reduction": 1}


def test_what_the_whole_grid_made_is_put_back_by_a_copy_too() -> None:
    whole = paper_block("ablation/0_mvitv2_l", 2)
    assert pooled(whole, "q") == {"copy": 3, "depthwise": 1, "cast": 1, "norm": 1}


@pytest.mark.parametrize("name", ["ablation/0_mvitv2_l", "ablation_video/c_no_unit_strides", "sam2_hiera_t"])
def test_sections_of_pooled_models_add_up_to_the_whole_tape(name: str) -> None:
    graph = hc.compile(name).graph
    whole = [kernel(call, BATCH) for call in calls_of(graph, PAPER)]
    listed = [one for section in kernel_list(graph, PAPER) for one in section.kernels.listed]
    for quantity in ("moved", "issued", "macs"):
        found, wanted = (sum(getattr(one, quantity) * one.count for one in some) for some in (listed, whole))
        assert found == pytest.approx(wanted)


def test_a_pooled_skip_needs_no_copy_for_heads() -> None:
    skip = [one for one in paper_block("ablation/c_no_unit_strides", 2) if one.node == "pooled_skip"]
    assert sum(one.count for one in skip if one.kind == "copy") == 2


@pytest.mark.parametrize(("kind", "outputs"), [("max", 2), ("average", 1)])
def test_a_maximum_is_written_with_its_place_and_a_mean_without(kind: str, outputs: int) -> None:
    pool = f"stages.1.pool={{kind: {kind}, kernel: 3, padding: 1}}"
    calls = calls_of(hc.compile("hiera_t", [*SMALL, pool]).graph, PAPER)
    pooled = [call for call in calls if call.name.startswith(("max_pool3d", "avg_pool3d"))]
    assert {len(call.writes) for call in pooled} == {outputs}
