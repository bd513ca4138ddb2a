"""The calls that a module makes, by running it on the meta device: the truth that kernel lists are compared with.

Tensors of the meta device have no data, so any module of any size is traced in seconds on a CPU. Autocast and
the choice of the attention kernel depend on the device; both are applied here by PyTorch's rules for CUDA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from hiera_compiler.estimate import tensor as plain
from hiera_compiler.estimate.tape import Call

DTYPES: dict[torch.dtype, plain.DType] = {
    torch.float16: "fp16",
    torch.float32: "fp32",
    torch.int64: "int64",
    torch.bool: "bool",
}
VIEWS = {"_unsafe_view", "detach", "alias", "lift_fresh", "_reshape_alias", "unbind"}
SILENT = {"empty", "empty_like", "empty_strided", "new_empty", "empty_permuted", "_local_scalar_dense"}
HALF = {
    torch._C._nn.linear,
    torch.conv1d,
    torch.conv2d,
    torch.conv3d,
    torch.conv_transpose2d,
    torch.conv_transpose3d,
    torch.matmul,
    torch.Tensor.matmul,
    torch.Tensor.__matmul__,
    torch.bmm,
    torch.baddbmm,
    torch.einsum,
}
SINGLE = {nn.functional.layer_norm, torch.layer_norm}
SINGLE_RESULT = {
    nn.functional.softmax: "_softmax",
    torch.softmax: "_softmax",
    torch.Tensor.softmax: "_softmax",
    torch.norm: "linalg_vector_norm",
    torch.Tensor.norm: "linalg_vector_norm",
    torch.linalg.vector_norm: "linalg_vector_norm",
}
"""CUDA autocast's lists, as far as vision transformers go: products in half; inputs cast to fp32; fp32 results of
kernels that read half precision."""


class Recorder(TorchDispatchMode):
    """Keeps every call below autograd that is not a view."""

    def __init__(self, parameters: list[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []
        self._alive: list[Tensor] = []  # a storage that is freed could be given out again
        self._sources: dict[int, int] = {}
        self._fixed: set[int] = set()
        self._stub = False
        for parameter in parameters:
            self._fixed.add(self._source(parameter))

    def _source(self, tensor: Tensor) -> int:
        self._alive.append(tensor)
        return self._sources.setdefault(tensor.untyped_storage()._cdata, len(self._sources))

    def plain(self, tensor: Tensor) -> plain.Tensor:
        source = self._source(tensor)
        return plain.Tensor(
            tuple(tensor.shape), tuple(tensor.stride()), DTYPES[tensor.dtype], source, source in self._fixed
        )

    def record(self, name: str, reads: list[Tensor], writes: list[Tensor], detail: int = 1) -> None:
        inputs = tuple(self.plain(x) for x in reads)
        if inputs and all(x.fixed for x in inputs):
            self._fixed.update(self._source(x) for x in writes)
        self.calls.append(Call(name, inputs, tuple(self.plain(x) for x in writes), "", detail))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        packet = func._schema.name.removeprefix("aten::")
        if packet == "convolution":
            out = _channels_last(out, args[0])
        if self._stub or packet in SILENT:
            return out
        reads, writes = list(_tensors((args, kwargs))), list(_tensors(out))
        aliases = any(value.alias_info is not None and not value.alias_info.is_write for value in func._schema.returns)
        if aliases or packet in VIEWS:
            return out
        if packet == "_to_copy" and reads[0].dtype == writes[0].dtype:
            packet = "clone"
        if packet == "native_layer_norm":
            writes = writes[:1]
        if not reads:
            self._fixed.update(self._source(x) for x in writes)
            return out
        name = "max.dim" if packet == "max" else packet.removesuffix("_") if packet != "_softmax" else packet
        if packet == "convolution" and args[6]:
            name = "transposed_convolution"
        for _ in args[2] if packet == "roll" else (0,):  # one kernel for each axis
            self.record(name, reads, writes, args[8] if packet == "convolution" else 1)
        return out

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Calls inside are not kept."""
        self._stub = True
        yield
        self._stub = False

    def attention(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """One fused kernel; its result has the heads next to the widths in memory."""
        batch, heads, tokens, _ = q.shape
        with self.silent():
            out = q.new_empty((batch, tokens, heads, v.shape[-1])).transpose(1, 2)
        self.record("attention", [q, k, v], [out])
        return out

    def single_result(self, name: str, x: Tensor, result: Callable[[], Tensor]) -> Tensor:
        """One kernel that reads `x` as it is and writes fp32."""
        with self.silent():
            out = result().float().clone()
        self.record(name, [x], [out])
        return out


class Rules(TorchFunctionMode):
    """Autocast, and what scaled_dot_product_attention becomes."""

    def __init__(self, recorder: Recorder, autocast: bool, upcast_attention: bool) -> None:
        super().__init__()
        self.recorder = recorder
        self.autocast = autocast
        self.upcast_attention = upcast_attention
        self._weights: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch._C._nn.scaled_dot_product_attention:
            return self._attention(*args, **kwargs)
        if self.autocast and func in HALF:
            args, kwargs = self._cast(args, torch.float16), self._cast(kwargs, torch.float16)
        elif self.autocast and func in SINGLE:
            args, kwargs = self._cast(args, torch.float32), self._cast(kwargs, torch.float32)
        elif self.autocast and func in SINGLE_RESULT:
            return self.recorder.single_result(SINGLE_RESULT[func], args[0], lambda: func(*args, **kwargs))
        return func(*args, **kwargs)

    def _cast(self, value: Any, dtype: torch.dtype) -> Any:
        if isinstance(value, Tensor):
            if value.dtype == dtype or not value.is_floating_point():
                return value
            if not isinstance(value, nn.Parameter):
                return value.to(dtype)
            key = id(value)
            if key not in self._weights:
                self._weights[key] = value.to(dtype)
            return self._weights[key]
        if isinstance(value, tuple | list):
            return type(value)(self._cast(item, dtype) for item in value)
        if isinstance(value, dict):
            return {key: self._cast(item, dtype) for key, item in value.items()}
        return value

    def _attention(self, q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, **rest: Any) -> Tensor:
        if self.autocast:
            q, k, v = (x.half() for x in (q, k, v))
        if q.ndim == 4 and q.dtype == torch.float16 and attn_mask is None:
            return self.recorder.attention(q, k, v)
        dtype = q.dtype
        if self.upcast_attention:
            q, k, v = (x.float() for x in (q, k, v))
        root = q.shape[-1] ** -0.25
        scores = (q * root) @ (k * root).transpose(-2, -1)
        if attn_mask is not None:
            scores = scores + attn_mask
        weights = scores.softmax(-1)
        if self.upcast_attention:  # _safe_softmax: rows that are masked whole give zeros
            weights = torch.where(scores.eq(float("-inf")).all(-1, keepdim=True), weights * 0, weights)
        out: Tensor = (weights @ v).to(dtype)
        return out


@contextmanager
def _modes(recorder: Recorder, rules: Rules) -> Iterator[None]:
    with torch.no_grad(), rules, recorder:
        yield


def trace(
    module: nn.Module,
    pixels: Tensor,
    *,
    autocast: bool,
    upcast_attention: bool = False,
    run: Callable[[Tensor], Any] | None = None,
) -> list[Call]:
    """The calls of a forward pass for inference of a module and pixels on the meta device."""
    recorder = Recorder([*module.parameters(), *module.buffers()])
    rules = Rules(recorder, autocast, upcast_attention)
    module.eval()
    with _modes(recorder, rules):
        (run or module)(pixels)
    return recorder.calls


def _channels_last(out: Tensor, x: Tensor) -> Tensor:
    """What a convolution makes of a map that lies channels last lies so too, but on the meta device."""
    layout = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
    last = x.is_contiguous(memory_format=layout) and not x.is_contiguous()
    return out.contiguous(memory_format=layout) if last else out


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
