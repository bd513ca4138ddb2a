"""Modules in 16 bits, on the CPU too, where torch has not every function in them."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
import torch

from hiera_compiler.emit.functions.masked import oriented_gradients
from hiera_compiler.emit.functions.pooling import slide_convolution, slide_mean
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


@pytest.mark.parametrize(
    ("sides", "kernel", "stride"), [((2, 5, 4), 3, (1, 1, 1)), ((2, 2), 5, (4, 4))], ids=["clip", "image"]
)
def test_kernels_that_reach_beyond_small_grids_get_their_gradients_in_bfloat16(
    sides: tuple[int, ...], kernel: int, stride: tuple[int, ...]
) -> None:
    make: Any = (torch.nn.Conv2d, torch.nn.Conv3d)[len(sides) - 2]
    half = make(6, 6, kernel, stride, kernel // 2, groups=6, bias=False).bfloat16()
    exact = make(6, 6, kernel, stride, kernel // 2, groups=6, bias=False).double()
    exact.load_state_dict(half.state_dict())
    pooled = tuple((side - 1) // step + 1 for side, step in zip(sides, stride, strict=True))
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):  # what is wrong is what memory holds, and may be right by chance
        tokens, slope = (torch.randn(12, 1, prod(n), 6, generator=generator).bfloat16() for n in (sides, pooled))
        for convolution in (half, exact):
            dtype = convolution.weight.dtype
            convolution.zero_grad()
            slide_convolution(tokens.to(dtype), convolution, ((sides,), (pooled,))).backward(slope.to(dtype))
        torch.testing.assert_close(half.weight.grad.double(), exact.weight.grad, rtol=0.02, atol=0.1)


def test_no_gradient_comes_through_histograms() -> None:
    pixels = torch.zeros(1, 3, 16, 32, requires_grad=True)
    assert not oriented_gradients(pixels, (1, 2), (16, 16), 1, 9, 8, True).requires_grad
