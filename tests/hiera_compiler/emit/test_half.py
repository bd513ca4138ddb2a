"""Modules in 16 bits, on the CPU too, where torch has not every function in them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hiera_compiler.emit.functions.masked import oriented_gradients
from hiera_compiler.emit.functions.pooling import slide_mean
from hiera_compiler.emit.functions.tables import resize_table
from tests.hiera_compiler.emit.test_family import SPECS
from tests.support.parity import randomise
from tests.support.random_specs import Data, compilation


@pytest.mark.parametrize("data", SPECS.values(), ids=SPECS)
def test_outputs_in_float16_are_those_of_float32(data: Data) -> None:
    compiled = compilation(data)
    module: Any = compiled.module().eval()
    randomise(module)
    half: Any = compiled.module(dtype=torch.float16).eval()
    half.load_state_dict(module.state_dict())
    pixels = torch.randn(2, *compiled.spec.input_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for found, expected in zip(half.features(pixels.half()), module.features(pixels), strict=True):
            assert found.dtype == torch.float16
            assert float((found - expected).norm() / expected.norm()) < 0.01


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_antialiased_tables_and_means_of_clips_keep_their_type(dtype: torch.dtype) -> None:
    table, clip = torch.randn(1, 6, 6, 4).to(dtype), torch.randn(2, 1, 16, 4).to(dtype)
    sides = (((2, 4, 2),), ((1, 2, 1),)), (2, 3, 3), (2, 2, 2), (0, 1, 1)
    for found, expected in (
        (resize_table(table, (3, 4), antialias=True), resize_table(table.double(), (3, 4), antialias=True)),
        (slide_mean(clip, *sides), slide_mean(clip.double(), *sides)),
    ):
        assert found.dtype == dtype
        assert expected.dtype == torch.float64
        torch.testing.assert_close(found, expected.to(dtype))


def test_no_gradient_comes_through_histograms() -> None:
    pixels = torch.zeros(1, 3, 16, 32, requires_grad=True)
    assert not oriented_gradients(pixels, (1, 2), (16, 16), 1, 9, 8, True).requires_grad
