"""Proxy `synflow`: how much signal flows through all weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hiera_search.accuracy.proxy import Proxy, logits

if TYPE_CHECKING:
    from torch import Tensor, nn


class SynFlow(Proxy):
    """The sum over weights of |weight × gradient of R|; R is the sum of the logits of ones through |weights|.

    Tanaka et al. 2020, Pruning neural networks without any data, equation 2 (arXiv 2006.05467). It is meant for
    networks that are linear where their signal is positive, so what is not is made linear. A layer norm divides by
    the root mean square, held constant, and does not subtract the mean: as it stands its gradient is orthogonal to
    the signal, and without it the signal of forty blocks overflows. Attention weights are held constant: queries and
    keys carry no signal.
    """

    rung = "proxy:synflow"

    def measure(self, module: nn.Module, pixels: Tensor) -> float:
        import torch

        with torch.no_grad():
            for one in module.parameters():
                one.abs_()
        with _linear():
            logits(module, torch.ones_like(pixels[:1])).sum().backward()
        return sum(float((one.detach() * one.grad).abs().sum()) for one in module.parameters() if one.grad is not None)


def _linear() -> Any:
    """A context in which layer norms and attention are linear maps."""
    import torch.nn.functional as F
    from torch.overrides import TorchFunctionMode

    def norm(x: Tensor, shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> Any:
        axes = tuple(range(-len(shape), 0))
        x = x * (x.square().mean(dim=axes, keepdim=True) + eps).rsqrt().detach()
        x = x if weight is None else x * weight
        return x if bias is None else x + bias

    def attention(query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any) -> Any:
        return F.scaled_dot_product_attention(query.detach(), key.detach(), value, *rest, **options)

    linear: dict[Any, Callable[..., Any]] = {F.layer_norm: norm, F.scaled_dot_product_attention: attention}

    class Linear(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return linear.get(func, func)(*args, **(kwargs or {}))

    return Linear()
