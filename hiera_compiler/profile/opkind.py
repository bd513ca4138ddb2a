"""The kinds that operators are sorted into, by the name that torch's dispatcher gives them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COPY = "copy"
OTHER = "other"
FUSED = "fused"
OVERHEAD = "framework"
"""Time inside no operator: Python, dispatch, waiting."""

KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "linear": ("mm", "addmm", "linear", "mkldnn_linear", "_addmm_activation"),
        "attention": ("bmm", "baddbmm", "_scaled_dot_product", "_flash_attention", "_efficient_attention"),
        "softmax": ("_softmax", "_safe_softmax"),
        "convolution": ("convolution", "_convolution", "mkldnn_convolution", "cudnn_convolution"),
        "norm": ("native_layer_norm", "native_group_norm", "native_batch_norm", "_native_batch", "cudnn_batch"),
        "activation": ("gelu", "relu", "silu", "sigmoid", "tanh", "hardswish", "clamp_min"),
        "pool": ("amax", "max", "mean", "max_pool", "avg_pool", "_adaptive_avg_pool", "sum"),
        "add and scale": ("add", "mul", "sub", "div", "pow", "rsqrt", "exp"),
        COPY: ("copy_", "_to_copy", "clone", "cat", "stack", "index", "gather", "scatter", "fill_", "zero_", "roll"),
    }
)
"""Each kind with the names of its operators, or what they begin with."""

# Exact names first: `max` is no prefix of `max_pool2d_with_indices` but for the order.
_EXACT = {name: kind for kind, names in KINDS.items() for name in names}
_PREFIXES = sorted(((name, kind) for name, kind in _EXACT.items() if len(name) > 4), key=lambda one: -len(one[0]))


def kind_of(operator: str) -> str:
    """The kind of ``aten::addmm``, of ``aten.addmm.default`` or of a compiled kernel's name."""
    name = operator.removeprefix("aten::").removeprefix("aten.").split(".")[0]
    if name in _EXACT:
        return _EXACT[name]
    if operator.startswith(("triton_", "graph_")) or "_fused_" in operator:
        return FUSED
    if operator.startswith(("mkl::_mkl_linear", "mkldnn::_linear")):
        return "linear"
    if operator.startswith("mkldnn::_convolution"):
        return "convolution"
    plain = name.rstrip("_")
    found = _EXACT.get(plain)
    return found or next((kind for prefix, kind in _PREFIXES if name.startswith(prefix)), OTHER)
