"""Parts of a cost add up to the whole, and what is counted once for equal blocks is what every node would give."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import hiera_compiler as hc
from hiera_compiler.estimate import Counts, bytes_moved, cost, counts_by
from hiera_compiler.ir import Graph, Input, Mean
from hiera_compiler.ir.builder import GraphBuilder
from hiera_compiler.lower import lower
from tests.support.random_specs import Data, compilation, specs


def assert_shortcuts_change_nothing(graph: Graph) -> None:
    """The cost of a graph, which counts equal blocks once, against the sum over its nodes."""
    whole = cost(graph)
    total = Counts()
    for counts in counts_by(graph, lambda node: node.name).values():
        total = total.plus(counts)
    assert total == Counts(*(getattr(whole, name) for name in Counts._fields))
    kinds = counts_by(graph, lambda node: type(node.op).__name__)
    assert {row.name: Counts(*(getattr(row, name) for name in Counts._fields)) for row in whole.kinds} == kinds
    named = counts_by(graph, lambda node: node.part)
    assert {row.name: Counts(*(getattr(row, name) for name in Counts._fields)) for row in whole.stages} == named
    assert graph.parameter_count == whole.params


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_equal_blocks_counted_once_give_the_same_in_shipped_specs(name: str) -> None:
    assert_shortcuts_change_nothing(hc.compile(name).graph)


@settings(max_examples=40)
@given(specs(max_depth=3))
def test_equal_blocks_counted_once_give_the_same_in_random_specs(data: Data) -> None:
    compiled = compilation(data)
    assert_shortcuts_change_nothing(compiled.graph)
    if compiled.spec.mask_unit is not None:
        assert_shortcuts_change_nothing(lower(compiled.spec, kept_units=1))


def test_blocks_of_a_stage_are_alike_whatever_their_drop_path_rate() -> None:
    blocks = [section for section in hc.compile("hiera_l").graph.sections if section.nodes[0].block is not None]
    assert len(blocks) == 48
    # One for every stage, one for every transition, and the first block of stage 3, which attends in its mask units.
    assert len({section.like for section in blocks}) == 7


def test_blocks_that_read_other_shapes_are_not_alike() -> None:
    builder = GraphBuilder()
    with builder.origin("input"):
        few, many = (builder.add(name, Input((units, 1, 8))) for name, units in (("few", 2), ("many", 4)))
    for name, tokens in (("one", few), ("two", many)):
        with builder.origin("stages", 0), builder.block(name):
            builder.add("mean", Mean(), tokens)
    _, one, two = builder.graph().sections
    assert (one.like, two.like) == (one.start, two.start)


def test_bytes_moved_by_a_linear_layer_are_its_input_output_and_weights() -> None:
    graph = hc.compile("hiera_t").graph
    counts = counts_by(graph, lambda node: node.name)
    tokens, channels = 56 * 56, 96
    fc1 = counts["blocks.0.mlp.fc1"]
    assert (fc1.moved, fc1.moved_once) == (5 * tokens * channels, 4 * channels * channels + 4 * channels)
    assert bytes_moved(fc1, batch=8, element_bytes=2) == 2 * (8 * fc1.moved + fc1.moved_once)


def test_attention_moves_its_inputs_and_output_and_its_scores_are_activations() -> None:
    counts = counts_by(hc.compile("hiera_t").graph, lambda node: node.name)["blocks.0.attn.attend"]
    tokens, channels, scores = 56 * 56, 96, 49 * 64 * 64
    assert counts.moved == 4 * tokens * channels
    assert counts.acts == tokens * channels + scores


def test_the_position_table_is_read_once_a_batch() -> None:
    counts = counts_by(hc.compile("hiera_t").graph, lambda node: node.name)
    tokens, channels = 56 * 56, 96
    assert (counts["position"].moved, counts["position"].moved_once) == (2 * tokens * channels, tokens * channels)
    assert counts["pos_embed"] == Counts(params=tokens * channels)


def test_views_and_unused_maps_move_nothing() -> None:
    counts = counts_by(hc.compile("hiera_t").graph, lambda node: node.name)
    assert counts["blocks.0.attn.query"].moved == counts["blocks.0.attn.drop_path"].moved == 0
    assert "features.0" not in counts
    trunk = counts_by(hc.compile("hiera_t", ["head=none"]).graph, lambda node: node.name)
    assert trunk["features.0"].moved == 2 * 56 * 56 * 96
