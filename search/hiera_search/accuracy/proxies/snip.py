"""Proxy `snip`: how much the loss would change without each weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hiera_search.accuracy.proxy import Proxy, noise_loss

if TYPE_CHECKING:
    from torch import Tensor, nn


class Snip(Proxy):
    """The sum over weights of |weight × gradient of the loss|, not normalised.

    Lee et al. 2019, SNIP: Single-shot Network Pruning, equation 5 (arXiv 1810.02340), summed over the network as in
    Abdelfattah et al. 2021 (arXiv 2101.08134).
    """

    rung = "proxy:snip"

    def measure(self, module: nn.Module, pixels: Tensor) -> float:
        noise_loss(module, pixels).backward()
        return sum(float((one.detach() * one.grad).abs().sum()) for one in module.parameters() if one.grad is not None)
