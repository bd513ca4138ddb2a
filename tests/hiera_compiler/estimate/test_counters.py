"""Parameters, shapes, MACs and FLOPs of the graph equal what independent counters find in the module."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import hiera_compiler as hc
from hiera_compiler.lower import lower
from tests.support.parity import without_initialisation
from tests.support.random_specs import RICH_CLIP, RICH_IMAGE, Data, compilation, specs


def counted_flops(module: Any, shape: tuple[int, ...]) -> int:
    """torch's count for one sample; on the meta device, where nothing is allocated and attention is counted."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, *shape, device="meta"))
    return int(counter.get_total_flops())


def counted_macs(module: nn.Module, shape: tuple[int, ...]) -> int:
    """fvcore's count for one sample; it runs the module. Fused attention it must be told how to count."""
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(module.eval(), torch.zeros(1, *shape))
    analysis.set_op_handle("aten::scaled_dot_product_attention", attention_macs)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    return int(analysis.total())


def attention_macs(inputs: list[Any], outputs: list[Any]) -> int:
    """The two products of attention: queries with keys, and weights with values."""
    query, key, value = (value.type().sizes() for value in inputs[:3])
    return int(prod(query[:-1]) * key[-2] * (query[-1] + value[-1]))


def assert_graph_is_module(compiled: hc.Compilation) -> None:
    module = compiled.module("meta").eval()
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    assert shapes == compiled.graph.parameters()
    assert compiled.cost.params == sum(parameter.numel() for parameter in module.parameters())
    assert compiled.cost.params == compiled.graph.parameter_count
    assert counted_flops(module, compiled.spec.input_shape) == compiled.cost.flops


def batched(compiled: hc.Compilation, name: str, batch: int) -> tuple[int, ...]:
    graph = compiled.graph
    return (batch, *graph[graph.outputs[name]].shape)


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_shipped_graphs_equal_their_modules(name: str) -> None:
    assert_graph_is_module(hc.compile(name))


@settings(max_examples=25)
@example(RICH_IMAGE)
@example(RICH_CLIP)
@given(specs())
def test_random_graphs_equal_their_modules(data: Data) -> None:
    compiled = compilation(data)
    assert_graph_is_module(compiled)
    module: Any = compiled.module("meta").eval()
    pixels = torch.empty(3, *compiled.spec.input_shape, device="meta")
    features = module.features(pixels)
    assert [tuple(x.shape) for x in features] == [batched(compiled, f"features.{n}", 3) for n in range(len(features))]
    output = module(pixels)
    outputs = [output] if compiled.spec.head is not None else output
    assert [tuple(x.shape) for x in outputs] == [batched(compiled, name, 3) for name in compiled.graph.returned]
    if compiled.spec.neck is not None:
        maps = [name for name in compiled.graph.outputs if name.startswith("pyramid.")]
        assert [tuple(x.shape) for x in module.pyramid(pixels)] == [batched(compiled, name, 3) for name in maps]


@settings(max_examples=6)
@example(RICH_IMAGE)
@example(RICH_CLIP)
@given(specs(max_depth=2))
def test_fvcore_counts_the_same_in_random_modules(data: Data) -> None:
    compiled = compilation(data)
    assert counted_macs(compiled.module(), compiled.spec.input_shape) == compiled.cost.macs


def shallow(name: str) -> list[str]:
    """Settings that leave a spec a small input and every kind of block that it has."""
    spec = hc.compile(name).spec
    changes = ["input.size=64", *(["input.frames=4"] if spec.axes == 3 else [])]
    for index, stage in enumerate(spec.stages):
        changes.append(f"stages.{index}.depth={min(2 + bool(stage.global_at), stage.depth)}")
        changes += [f"stages.{index}.global_at=[1]"] if stage.global_at else []
    return changes


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_fvcore_counts_the_same_in_shipped_modules(name: str) -> None:
    """At a smaller input and with fewer blocks, still every kind of block; hiera_t as it is."""
    compiled = hc.compile(name, [] if name == "hiera_t" else shallow(name))
    with without_initialisation():
        module = compiled.module()
    assert counted_macs(module, compiled.spec.input_shape) == compiled.cost.macs


class Encoder(nn.Module):
    """The masked encoder as a module of its own."""

    def __init__(self, model: Any, kept: Tensor) -> None:
        super().__init__()
        self.model = model
        self.kept = kept

    def forward(self, pixels: Tensor) -> Any:
        return self.model.features(pixels, self.kept)


@pytest.mark.parametrize(("name", "kept"), [("hiera_t", 19), ("hiera_b_16x224", 39)])
def test_the_masked_encoder_costs_what_its_graph_says(name: str, kept: int) -> None:
    compiled = hc.compile(name)
    graph = lower(compiled.spec, kept_units=kept)
    products = sum(node.op.macs(graph.input_shapes(node), node.shape) for node in graph)
    encoder = Encoder(compiled.module("meta").eval(), torch.zeros(1, kept, dtype=torch.int64, device="meta"))
    assert counted_flops(encoder, compiled.spec.input_shape) == 2 * products
    features = encoder(torch.empty(1, *compiled.spec.input_shape, device="meta"))
    assert [tuple(x.shape[1:]) for x in features] == [graph[f"features.{n}"].shape for n in range(4)]
