"""Counting what a module does, operator by operator, as torch's dispatcher sees it.

The conventions are those of ``hiera_compiler.estimate``: ``macs`` is fvcore's (attention counted, layer norms at
five per element), ``flops`` is FlopCounterMode's, ``acts`` are the elements that products and convolutions
write. On the meta device nothing is computed, so that any model is counted in a second.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from hiera_compiler.profile.opkind import COPY, kind_of

aten = torch.ops.aten
Product = Callable[..., int]

# The kernel that CPUs run is not in torch's own registry (pytorch#195460).
_CPU_ATTENTION = aten._scaled_dot_product_flash_attention_for_cpu
_PRODUCTS: dict[Any, Product] = {
    **flop_registry,
    _CPU_ATTENTION: lambda q, k, v, *args, out_val=None, **kwargs: sdpa_flop_count(q.shape, k.shape, v.shape),
}
_NORMS = {
    aten.native_layer_norm: (4, 5),
    aten.native_group_norm: (4, 5),
    aten.native_batch_norm: (1, 2),
    aten._native_batch_norm_legit_no_training: (1, 2),
    aten.cudnn_batch_norm: (1, 2),
}
"""What fvcore counts for each element, without and with scale and shift."""


FIVE = frozenset({"norm", "softmax"})


@dataclass
class Work:
    """What operators did: FLOPs of products at two per multiply-add, and bytes read and written, each once.

    ``scalars`` is nominal: five for each element that a norm or softmax writes, one for each of the others.
    """

    calls: int = 0
    flops: int = 0
    scalars: int = 0
    bytes: int = 0


@dataclass
class Count:
    """The work of one pass of a module, for the whole batch that it was given."""

    params: int
    flops: int = 0
    norm_macs: int = 0
    acts: int = 0
    written_bytes: int = 0
    """Everything that was allocated on the way: about what training keeps."""
    peak_bytes: int = 0
    """The most that was allocated at once, without weights and input."""
    kinds: dict[str, Work] = field(default_factory=dict)
    attention: set[str] = field(default_factory=set)
    """The attention kernels that ran."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates as the papers count them."""
        return self.flops // 2 + self.norm_macs


def count(module: nn.Module, pixels: Tensor) -> Count:
    """The work of one pass over a batch, on the device that both are on. Raises what the module raises."""
    counter = _Counter(sum(weight.numel() for weight in module.parameters()))
    # Inference mode would hide the parts of composite operators.
    with torch.no_grad(), counter:
        module(pixels)
    return counter.count


class _Counter(TorchDispatchMode):
    def __init__(self, params: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = Count(params)
        self._alive = 0
        self._tensors: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet = func._overloadpacket
        if packet not in _PRODUCTS and packet not in _NORMS:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        out = func(*args, **kwargs)
        self._add(func, packet, args, kwargs, out)
        return out

    def _add(self, func: Any, packet: Any, args: Any, kwargs: Any, out: Any) -> None:
        outputs = _tensors(out)
        inputs = _tensors((args, kwargs))
        own = {tensor.untyped_storage()._cdata for tensor in inputs}
        new = [tensor for tensor in outputs if tensor.untyped_storage()._cdata not in own]
        if not new and not func._schema.is_mutable:
            return  # a view
        kind = kind_of(str(func))
        work = self.count.kinds.setdefault(kind, Work())
        work.calls += 1
        work.bytes += sum(map(_bytes, inputs)) + sum(map(_bytes, outputs))
        if packet in _PRODUCTS:
            flops = _PRODUCTS[packet](*args, **kwargs, out_val=out)
            work.flops += flops
            self.count.flops += flops
            self.count.acts += outputs[0].numel()
        elif kind != COPY:
            work.scalars += sum(tensor.numel() for tensor in outputs) * (5 if kind in FIVE else 1)
        if packet in _NORMS:
            plain, affine = _NORMS[packet]
            self.count.norm_macs += outputs[0].numel() * (affine if len(inputs) > 1 else plain)
        if "attention" in packet.__name__:
            self.count.attention.add(packet.__name__)
        for tensor in new:
            self._allocated(tensor)

    def _allocated(self, tensor: Tensor) -> None:
        size = tensor.untyped_storage().nbytes()
        self.count.written_bytes += size
        self._alive += size
        self.count.peak_bytes = max(self.count.peak_bytes, self._alive)
        # A view holds its base, so a storage lives as long as the tensor that was made with it.
        weakref.finalize(tensor, self._freed, size)

    def _freed(self, size: int) -> None:
        self._alive -= size


def _tensors(tree: Any) -> list[Tensor]:
    leaves: Iterable[Any] = tree_leaves(tree)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def _bytes(tensor: Tensor) -> int:
    return prod(tensor.shape) * tensor.element_size()
