"""Proxy `zico`: how alike gradients of different batches are."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from hiera_search.accuracy.proxy import Proxy, noise_loss

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCHES = 2


class ZiCo(Proxy):
    """The sum over layers of the logarithm of the sum over weights of E|g| / sqrt(Var g), over two batches.

    Li et al. 2023, ZiCo, equation 16 (arXiv 2301.11300). Layers are weights of two dimensions and more: linear maps,
    convolutions, tables. Weights whose gradients do not vary, and layers without others, are left out. The second
    batch is new noise of the same shape.
    """

    rung = "proxy:zico"

    def measure(self, module: nn.Module, pixels: Tensor) -> float:
        import torch

        layers = [one for one in module.parameters() if one.dim() >= 2]
        found: list[tuple[Tensor, ...]] = []
        for index in range(BATCHES):
            batch = pixels if index == 0 else torch.randn_like(pixels)
            found.append(torch.autograd.grad(noise_loss(module, batch), layers, materialize_grads=True))
        return sum(_layer(torch.stack(gradients)) for gradients in zip(*found, strict=True))


def _layer(gradients: Tensor) -> float:
    """The logarithm of a layer's sum, from its gradients ``[batches, ...]``; 0 for a layer that is left out."""
    spread = gradients.std(dim=0, correction=0)
    varies = spread > 0
    total = float((gradients.abs().mean(dim=0)[varies] / spread[varies]).double().sum())
    return log(total) if total > 0 else 0.0
