"""The peak of the activations is what torch keeps alive, storage by storage, in a pass on the CPU.

What lives until its block returns is compared with the emitted module as it is; what is freed after its last
reader, with the same primitives called one after another, each value dropped once nothing reads it any more.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import hiera_compiler as hc
from hiera_compiler.emit import prelude
from hiera_compiler.emit.functions.masked import masked_places
from hiera_compiler.emit.library import namespace
from hiera_compiler.emit.masked_rules import CALLS, CONSTRUCTORS
from hiera_compiler.estimate import peak_activation_bytes
from hiera_compiler.ir import Graph, Table
from hiera_compiler.ir.masking import MaskedTokens
from tests.support.parity import without_initialisation
from tests.support.random_specs import Data, compilation, specs


class Live(TorchDispatchMode):
    """The bytes of all storages alive, those of the given tensors apart."""

    def __init__(self, apart: Iterable[Tensor], held: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch has no annotations here
        self.known = {tensor.untyped_storage()._cdata for tensor in (*apart, held)}
        self.now: int = held.untyped_storage().nbytes()
        self.peak = self.now

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in self.known:
                storage = tensor.untyped_storage()
                self.known.add(storage._cdata)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._gone, storage._cdata, storage.nbytes())
        return result

    def _gone(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def eager_peak(compiled: hc.Compilation, batch: int) -> int:
    """The bytes that a pass of the emitted module keeps alive at most."""
    with without_initialisation():
        module = compiled.module().eval()
    pixels = torch.zeros(batch, *compiled.spec.input_shape)
    live = Live(module.state_dict().values(), pixels)
    with torch.no_grad(), live:
        module(pixels)
    return live.peak


def freed_early_peak(compiled: hc.Compilation, batch: int) -> int:
    """The same where every value is dropped after its last reader."""
    with without_initialisation():
        module = compiled.module().eval()
    graph = compiled.graph
    needed, returned = graph.needed_for(*graph.returned), {graph.outputs[name] for name in graph.returned}
    nodes = [node for node in graph if node.name in needed]
    last = {name: node for node in nodes for name in node.inputs}
    pixels = torch.zeros(batch, *compiled.spec.input_shape)
    known: dict[str, Any] = vars(prelude) | namespace() | {"F": F, "torch": torch, "pixels": pixels}
    known |= _chosen(graph, batch)
    values: dict[str, Tensor] = {}
    live = Live(module.state_dict().values(), pixels)
    with torch.no_grad(), live:
        for node in nodes:
            names = [f"read_{index}" for index in range(len(node.inputs))]
            read = dict(zip(names, (values[name] for name in node.inputs), strict=True))
            own = _own(module, graph, node.name)
            values[node.name] = eval(CALLS[type(node.op)](node.op, "own", *names), known | read | {"own": own})
            del read
            for name in set(node.inputs):
                if last[name] is node and name not in returned:
                    del values[name]
    return live.peak


def _chosen(graph: Graph, batch: int) -> dict[str, Any]:
    """The mask units that an autoencoder keeps, here the first ones, and the tokens of both; else none."""
    for node in graph:
        if isinstance(node.op, MaskedTokens):
            kept = torch.arange(node.op.kept).repeat(batch, 1)
            masked = masked_places(kept, node.op.layout.units, node.op.layout.folds)
            return {"kept": kept, "masked": masked, "seen": node.op.seen}
    return {"kept": None}


def _own(module: Any, graph: Graph, name: str) -> Any:
    op = graph[name].op
    if isinstance(op, Table):
        return module.get_parameter(name)
    return module.get_submodule(name) if type(op) in CONSTRUCTORS else None


CASES = [
    ("hiera_t", [], 1),
    ("hiera_t", [], 3),
    ("hiera_b", ["head=none"], 2),
    ("hiera_l", ["input.size=[96, 64]"], 2),
    ("hiera_t", ["head=none"], 1),
    ("hiera_t", ["head=none", "neck=feature_pyramid"], 2),
    ("hiera_t", ["head=none", "neck=simple_feature_pyramid", "input.size=128"], 2),
    ("hiera_t", ["neck=feature_pyramid"], 1),
    ("hiera_t", ["input.size=448"], 1),
    ("hiera_b_16x224", ["input.size=[96, 128]", "input.frames=4"], 2),
    ("vit_b", ["stages.0.depth=2"], 2),
    ("vit_b_16x224", ["input.size=64", "input.frames=4", "stages.0.depth=2"], 2),
    ("hiera_s_abswin_256", [], 1),
    ("sam2_hiera_t", ["input.size=[224, 160]", "head={classes: 10}"], 2),
    ("ablation/b_max_pools", ["input.size=96", "stages.2.depth=1"], 2),
    ("ablation_video/a_absolute", ["input.size=64", "input.frames=4", "stages.2.depth=1"], 2),
    ("hiera_t", ["input.size=96", "stages.1.pool={kind: average, kernel: 3, padding: 1}", "stages.2.pool=merge"], 2),
]


@pytest.mark.parametrize(("name", "changes", "batch"), CASES)
def test_eager_peak_is_what_the_emitted_module_keeps_alive(name: str, changes: list[str], batch: int) -> None:
    compiled = hc.compile(name, changes)
    expected = eager_peak(compiled, batch)
    assert peak_activation_bytes(compiled.graph, batch, 4, "late") == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("name", "changes", "batch"), CASES)
def test_peak_is_what_lives_where_values_go_after_their_last_reader(name: str, changes: list[str], batch: int) -> None:
    compiled = hc.compile(name, changes)
    expected = freed_early_peak(compiled, batch)
    assert peak_activation_bytes(compiled.graph, batch, 4) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        ["mae.decoder.depth=2"],
        ["mae.multi_scale=false", "stages.2.depth=1"],
        ["mae.target=hog", "mae.decoder.depth=1", "stages.2.depth=1"],
    ],
    ids=["pixels", "one scale", "histograms"],
)
def test_peaks_of_masked_autoencoders_are_those_of_their_modules(changes: list[str]) -> None:
    compiled = hc.compile("hiera_t", changes, "mae")
    late, early = (peak_activation_bytes(compiled.graph, 2, 4, free) for free in ("late", "early"))
    assert late == pytest.approx(eager_peak(compiled, 2), rel=0.01)
    assert early == pytest.approx(freed_early_peak(compiled, 2), rel=0.01)


def test_materialised_attention_holds_its_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prelude, "explicit_products_win", lambda key: True)
    compiled = hc.compile("hiera_t", ["input.size=224", "stages.0.attention=global", "stages.2.depth=1"])
    expected = freed_early_peak(compiled, 1)
    scores = 4 * (56 * 56) ** 2
    assert expected > 2 * scores
    assert peak_activation_bytes(compiled.graph, 1, 4, materialised=True) == pytest.approx(expected, rel=0.05)


@settings(max_examples=15)
@given(specs(max_depth=2))
def test_peaks_of_random_specs_are_within_a_quarter(data: Data) -> None:
    compiled = compilation(data)
    assert peak_activation_bytes(compiled.graph, 2, 4, "late") == pytest.approx(eager_peak(compiled, 2), rel=0.25)
    assert peak_activation_bytes(compiled.graph, 2, 4) == pytest.approx(freed_early_peak(compiled, 2), rel=0.25)


def test_half_precision_halves_the_peak_and_the_batch_scales_it() -> None:
    graph = hc.compile("hiera_b").graph
    one = peak_activation_bytes(graph, 1, 4)
    assert peak_activation_bytes(graph, 1, 2) * 2 == one
    assert peak_activation_bytes(graph, 7, 4) == 7 * one


def test_what_is_made_of_tables_alone_does_not_scale_with_the_batch() -> None:
    graph = hc.compile("hiera_b_16x224", ["input.size=64", "input.frames=4"]).graph
    one, two, three = (peak_activation_bytes(graph, batch, 4, "late") for batch in (1, 2, 3))
    positions = 2 * 16 * 16 * 96
    assert three - two == two - one
    assert two - one == one - 4 * positions
