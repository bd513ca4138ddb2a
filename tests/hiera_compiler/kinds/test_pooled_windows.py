"""Pooled attention in windows: each is an image of its own, as far as attention goes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import hiera_compiler as hc
from hiera_compiler.estimate.regime import EAGER_AMP
from tests.hiera_compiler.kinds.test_contract import (
    assert_is_one_graph,
    assert_kernels_are_those_of_the_module,
    assert_learns,
)
from tests.support.parity import differing, randomise
from tests.support.random_specs import Data, compilation

ATTENTION: Data = {"kind": "pooled", "pool": {"kind": "max"}, "unit_stride": False, "residual": True}
ATTENTION |= {"kv_stride": [2, 2], "relative": "decomposed"}


def trunk(size: list[int], windows: list[Any], head: Any = "none", **more: Any) -> hc.Compilation:
    """Pooling that never looks beyond its stride, so that without windows only attention looks around."""
    first, second = ({**ATTENTION, "window": window, **more} for window in windows)
    stages = [
        {"depth": 1, "channels": 8, "heads": 2, "attention": first},
        {"depth": 2, "channels": 12, "heads": 2, "attention": second, "pool": "max", "first_attention": "own"},
    ]
    data = {"name": "pooled_windows", "input": {"size": size}, "patch": {"kernel": 2, "stride": 2}, "position": "none"}
    return compilation(data | {"mask_unit": "none", "stages": stages, "head": head})


def maps(compiled: hc.Compilation, pixels: torch.Tensor) -> list[torch.Tensor]:
    module: Any = compiled.module().eval()
    randomise(module)
    with torch.no_grad():
        found: list[torch.Tensor] = module.features(pixels)
    return found


def test_a_window_is_an_image_of_its_own() -> None:
    pixels = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    whole = maps(trunk([32, 32], [[8, 8], [4, 4]]), pixels)
    for row in range(2):
        for column in range(2):
            part = pixels[:, :, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
            for index, alone in enumerate(maps(trunk([16, 16], ["none", "none"]), part)):
                side = alone.shape[1]
                seen = whole[index][:, side * row : side * row + side, side * column : side * column + side]
                assert differing({"window": seen}, {"window": alone}) == {}


def test_windows_that_do_not_divide_the_grid_are_filled_up() -> None:
    compiled = trunk([40, 24], [[8, 8], [4, 4]], pool={"kind": "conv", "kernel": 3, "padding": 1})
    assert [tuple(x.shape) for x in maps(compiled, torch.randn(2, 3, 40, 24))] == [(2, 20, 12, 8), (2, 10, 6, 12)]
    assert compiled.graph.parameters()["blocks.1.attn.rel_pos.height"] == (7, 6)
    assert_kernels_are_those_of_the_module(compiled, EAGER_AMP)


def test_pooled_windows_learn_and_export() -> None:
    compiled = trunk([40, 24], [[8, 8], [4, 4]], head={"classes": 3}, pool={"kind": "conv", "kernel": 3, "padding": 1})
    assert_learns(compiled)
    assert_is_one_graph(compiled)


@pytest.mark.parametrize(
    ("size", "window", "message"),
    [
        ([32, 32], [3, 3], "windows over 3x3 tokens cannot be pooled by 2x2"),
        ([34, 32], [2, 2], "9x8 windows of queries meet 8x8 of keys and values"),
    ],
)
def test_windows_that_keys_cannot_share_are_refused(size: list[int], window: list[int], message: str) -> None:
    with pytest.raises(hc.SpecError) as caught:
        _ = trunk(size, [window, "none"]).graph
    assert message in caught.value.diagnostics[0].message
