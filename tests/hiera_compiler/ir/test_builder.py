"""Building graphs: names, places in the spec, and what is said where a primitive does not fit."""

from __future__ import annotations

import networkx
import pytest

import hiera_compiler as hc
from hiera_compiler.ir import Activate, Add, Input, Linear
from hiera_compiler.ir.builder import GraphBuilder, LoweringError
from hiera_compiler.kinds import BlockContext
from hiera_compiler.kinds.attention.global_attention import GlobalAttention


def test_a_misfit_says_its_node_and_the_place_in_the_spec() -> None:
    builder = GraphBuilder()
    with builder.origin("input"):
        x = builder.add("pixels", Input((2, 3, 4)))
    with pytest.raises(LoweringError) as caught, builder.origin("stages", 1), builder.block("blocks.7"):
        builder.add("attn.qkv", Linear(5, 15), x)
    assert caught.value.node == "blocks.7.attn.qkv"
    assert caught.value.origin == ("stages", 1)
    assert caught.value.message == "4 channels meet a linear layer of 5"


def test_two_nodes_cannot_have_one_name() -> None:
    builder = GraphBuilder()
    with builder.origin("input"):
        x = builder.add("pixels", Input((2, 3, 4)))
        with pytest.raises(ValueError, match="two nodes are named pixels"):
            builder.add("pixels", Activate("gelu"), x)


def test_origin_and_block_end_with_their_context() -> None:
    builder = GraphBuilder()
    with builder.origin("input"):
        x = builder.add("pixels", Input((2, 3, 4)))
        with builder.origin("stages", 0), builder.block("blocks.0"):
            y = builder.add("mlp.fc1", Linear(4, 4), x)
        builder.output("out", builder.add("sum", Add(), x, y))
    graph = builder.graph()
    assert [(node.name, node.origin, node.block) for node in graph] == [
        ("pixels", ("input",), None),
        ("blocks.0.mlp.fc1", ("stages", 0), "blocks.0"),
        ("sum", ("input",), None),
    ]
    assert graph["blocks.0.mlp.fc1"].stage == 0
    assert graph.needed_for("out") == set(graph.nodes)


def test_a_kind_that_does_not_fit_is_shown_at_its_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    def lower(self: GlobalAttention, builder: GraphBuilder, x: object, block: BlockContext) -> object:
        return builder.add("attn.qkv", Linear(1, 1), x)  # type: ignore[arg-type]

    monkeypatch.setattr(GlobalAttention, "lower", lower)
    with pytest.raises(hc.SpecError) as caught:
        _ = hc.compile("hiera_t").graph
    (found,) = caught.value.diagnostics
    assert found.code == "H401"
    assert found.message == "384 channels meet a linear layer of 1"
    assert found.span is not None
    # The first block of stage 3 attends like stage 2, so the second is the first to fail.
    line = found.span.text.lines[found.span.line - 1]
    assert "channels: 384" in line
    assert found.labels[0].message == "lowered to node blocks.4.attn.qkv"


def test_networkx_sees_the_same_graph() -> None:
    graph = hc.compile("hiera_t").graph
    other = graph.networkx
    assert list(other) == list(graph.nodes)
    assert networkx.is_directed_acyclic_graph(other)
    for node in graph:
        position = {parent: other.edges[parent, node.name]["position"] for parent in other.predecessors(node.name)}
        assert tuple(sorted(position, key=position.__getitem__)) == node.inputs
        assert other.nodes[node.name]["node"] is node


def test_nodes_run_after_what_they_read() -> None:
    seen: set[str] = set()
    for node in hc.compile("hiera_b_16x224").graph:
        assert seen.issuperset(node.inputs)
        seen.add(node.name)
