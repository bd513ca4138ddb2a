"""A model computes the same whatever the order in which its pixels and its weights lie in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.hiera_compiler.emit.test_family import SPECS, assert_same, prepared
from tests.support.random_specs import Data


def channels_last(pixels: Tensor) -> torch.memory_format:
    return torch.channels_last if pixels.ndim == 4 else torch.channels_last_3d


def every_second(pixels: Tensor) -> Tensor:
    return pixels.repeat_interleave(2, -1)[..., ::2]


def batch_last(pixels: Tensor) -> Tensor:
    return pixels.movedim(0, -1).contiguous().movedim(-1, 0)


@pytest.mark.parametrize("data", SPECS.values(), ids=SPECS)
def test_a_channels_last_model_is_the_same_model(data: Data) -> None:
    _, module, _, pixels = prepared(data, 2)
    with torch.no_grad():
        expected = module.features(pixels)
        module.to(memory_format=channels_last(pixels))
        assert_same(module.features(pixels.contiguous(memory_format=channels_last(pixels))), expected)


@pytest.mark.parametrize("order", [every_second, batch_last])
def test_pixels_may_lie_in_any_order(order: Callable[[Tensor], Tensor]) -> None:
    _, module, _, pixels = prepared(SPECS["pooled attention across mask units"], 2)
    kept: Any = torch.tensor([[0, 2], [1, 3]])
    assert not order(pixels).is_contiguous()
    with torch.no_grad():
        assert_same(module.features(order(pixels), kept), module.features(pixels, kept))
