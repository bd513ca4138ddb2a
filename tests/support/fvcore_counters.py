"""fvcore's counters, with a handle for fused attention, which they do not know: two products, as in the papers."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import nn


def counted_macs(module: nn.Module, shape: tuple[int, ...]) -> int:
    """fvcore's multiply-accumulates of one sample, in evaluation mode."""
    from fvcore.nn import FlopCountAnalysis

    return _total(FlopCountAnalysis(module.eval(), torch.zeros(1, *shape)), _attention_macs)


def counted_acts(module: nn.Module, shape: tuple[int, ...]) -> int:
    """fvcore's activations of one sample: the elements that products and convolutions write."""
    from fvcore.nn import ActivationCountAnalysis

    return _total(ActivationCountAnalysis(module.eval(), torch.zeros(1, *shape)), _attention_acts)


def _total(analysis: Any, attention: Any) -> int:
    analysis.set_op_handle("aten::scaled_dot_product_attention", attention)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    return int(analysis.total())


def _attention_macs(inputs: list[Any], outputs: list[Any]) -> int:
    query, key, value = _sizes(inputs)
    return prod(query) * key[-2] + prod(query[:-1]) * key[-2] * value[-1]


def _attention_acts(inputs: list[Any], outputs: list[Any]) -> int:
    query, key, value = _sizes(inputs)
    return prod(query[:-1]) * key[-2] + prod(query[:-1]) * value[-1]


def _sizes(inputs: list[Any]) -> list[list[int]]:
    """The sizes of the query, key and value ``[rows, heads, tokens, channels]``."""
    return [value.type().sizes() for value in inputs[:3]]
