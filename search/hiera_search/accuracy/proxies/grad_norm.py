"""Proxy `grad_norm`: how large gradients are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hiera_search.accuracy.proxy import Proxy, noise_loss

if TYPE_CHECKING:
    from torch import Tensor, nn


class GradNorm(Proxy):
    """The sum over parameter tensors of the Euclidean norm of the loss's gradient.

    Abdelfattah et al. 2021, Zero-Cost Proxies for Lightweight NAS, section 3.2 (arXiv 2101.08134).
    """

    rung = "proxy:grad_norm"

    def measure(self, module: nn.Module, pixels: Tensor) -> float:
        noise_loss(module, pixels).backward()
        return sum(float(one.grad.norm()) for one in module.parameters() if one.grad is not None)
