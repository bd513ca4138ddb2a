"""What a Hiera looks like as a graph: its blocks, who attends how, token order, drop path rates."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

import hiera_compiler as hc
from hiera_compiler.ir import Attend, DropPath, Graph, KeepUnits, Linear, Pool, ToUnits, Upsample
from hiera_compiler.kinds import Pooling
from hiera_compiler.kinds.pool.max_pool import MaxPooling
from hiera_compiler.kinds.pool.merge import PatchMerging
from hiera_compiler.lower import encoder_of, lower
from tests.support.random_specs import Data, compilation


def small(*stages: Data, **changes: Any) -> Data:
    base: Data = {
        "name": "x",
        "input": {"size": 64},
        "patch": {"kernel": 7, "stride": 4, "padding": 3},
        "position": "absolute",
        "mask_unit": 8,
        "stages": [{"depth": 2, "channels": 8, "heads": 2, "attention": "mask_unit"} | stage for stage in stages],
    }
    return base | changes


def across(graph: Graph) -> list[bool]:
    """For each block whether it attends across mask units."""
    return [node.op.across_units for node in graph if isinstance(node.op, Attend)]


@pytest.mark.parametrize(
    ("first_attention", "expected"),
    [("previous", [False, False, False, True, True, False]), ("own", [False, False, True, True, False, False])],
)
def test_the_first_block_attends_like_the_stage_before_unless_told(first_attention: str, expected: list[bool]) -> None:
    attentions = ("mask_unit", "global", "mask_unit")
    data = small(*({"attention": kind, "first_attention": first_attention} for kind in attentions))
    assert across(compilation(data).graph) == expected


def test_the_first_stage_attends_its_own_way() -> None:
    assert across(compilation(small({"attention": "global"})).graph) == [True, True]


def test_only_queries_and_skip_are_pooled_and_only_in_the_first_block() -> None:
    graph = compilation(small({}, {"pool": "max", "channels": 16})).graph
    pools = [node.name for node in graph if isinstance(node.op, Pool)]
    assert pools == ["blocks.2.pooled_skip", "blocks.2.attn.pooled_query"]
    attend = graph["blocks.2.attn.attend"]
    assert [graph[name].shape for name in attend.inputs] == [(4, 16, 16), (4, 64, 16), (4, 64, 16)]


def test_the_skip_is_projected_from_the_normalised_input_where_channels_change() -> None:
    graph = compilation(small({}, {"channels": 16}, {"channels": 16})).graph
    projections = [node for node in graph if node.name.endswith(".proj") and node.name.count(".") == 2]
    assert [node.name for node in projections] == ["blocks.2.proj"]
    assert projections[0].inputs == ("blocks.2.norm1",)
    assert projections[0].op == Linear(8, 16)
    # Elsewhere the skip is the input itself.
    assert graph["blocks.4.attn.residual"].inputs[0] == "blocks.3.mlp.residual"


@pytest.mark.parametrize(
    ("unit", "strides", "folds"),
    [
        (8, [2, 2, 2], ((2, 2), (2, 2), (2, 2))),
        (8, [2], ((2, 2), (4, 4))),
        (8, [[4, 1], [2, 8]], ((4, 1), (2, 8))),
        ([2, 8], [[1, 2]], ((1, 2), (2, 4))),
        (8, [], ((8, 8),)),
        (1, [], ((1, 1),)),
    ],
)
def test_each_pooling_consumes_one_fold_of_the_mask_unit(unit: Any, strides: list[Any], folds: Any) -> None:
    stages = [{}, *({"pool": {"kind": "max", "stride": stride}} for stride in strides)]
    graph = compilation(small(*stages, mask_unit=unit)).graph
    (layout,) = [node.op.layout for node in graph if isinstance(node.op, ToUnits)]
    assert layout.folds == folds
    sides = (unit, unit) if isinstance(unit, int) else tuple(unit)
    assert layout.unit == sides
    assert layout.units == tuple(16 // side for side in sides)


@pytest.mark.parametrize(
    ("drop_path", "rates"),
    [
        ({"rate": 0.3}, [0, 0.1, 0.2, 0.3]),
        ({"rate": 0.3, "schedule": "constant"}, [0.3] * 4),
        (0.3, [0, 0.1, 0.2, 0.3]),
        (0, []),
    ],
)
def test_drop_path_rates_follow_the_schedule(drop_path: Any, rates: list[float]) -> None:
    graph = compilation(small({}, {}, drop_path=drop_path)).graph
    found = [node.op.rate for node in graph if isinstance(node.op, DropPath)]
    # Both branches of a block have the same.
    assert found == pytest.approx([rate for rate in rates for _ in range(2)])


def test_one_block_alone_drops_at_the_rate() -> None:
    graph = compilation(small({"depth": 1}, drop_path=0.3)).graph
    assert [node.op.rate for node in graph if isinstance(node.op, DropPath)] == [0.3, 0.3]


@pytest.mark.parametrize(("ratio", "own", "hidden"), [(2, None, 16), (2, 1.5, 12), (0.7, None, 5)])
def test_hidden_channels_are_the_stage_s_ratio_or_the_model_s(ratio: float, own: float | None, hidden: int) -> None:
    graph = compilation(small({"mlp_ratio": own}, mlp_ratio=ratio)).graph
    assert graph["blocks.0.mlp.fc1"].op == Linear(8, hidden)


def test_the_graph_of_masked_pretraining_keeps_so_many_units_and_has_no_logits() -> None:
    spec = hc.compile("hiera_t").spec
    graph = lower(spec, kept_units=19)
    assert "logits" not in graph.outputs
    assert [node.op.count for node in graph if isinstance(node.op, KeepUnits)] == [19]
    assert [graph[f"features.{n}"].shape for n in range(4)] == [
        (19, 8, 8, 96),
        (19, 4, 4, 192),
        (19, 2, 2, 384),
        (19, 1, 1, 768),
    ]
    assert {name: shape for name, shape in lower(spec).parameters().items() if name in graph.parameters()} == (
        graph.parameters()
    )


def test_every_node_knows_the_place_in_the_spec_that_asked_for_it() -> None:
    places = {node.origin for node in hc.compile("hiera_b").graph}
    assert places == {("input",), ("patch",), ("position",), ("mask_unit",), ("head",)} | {
        ("stages", index) for index in range(4)
    }


def test_a_dropout_of_nothing_is_not_in_the_graph() -> None:
    assert "head.dropout" in hc.compile("hiera_b_16x224").graph.nodes
    assert "head.dropout" not in hc.compile("hiera_b").graph.nodes


def test_a_neck_is_no_part_of_pretraining() -> None:
    plain, necked = (
        hc.compile("hiera_t", ["input.size=64", f"neck={neck}"], task="mae").graph
        for neck in ("none", "simple_feature_pyramid")
    )
    assert plain.nodes == necked.nodes
    assert plain.outputs == necked.outputs


class EarlyMax(MaxPooling):
    """Pooling by the maximum, before the first block of a stage."""

    before_block: ClassVar[bool] = True


@pytest.mark.parametrize("pool", [EarlyMax(stride=(2, 2)), PatchMerging(stride=(2, 2))], ids=["max", "merge"])
def test_what_pools_before_a_block_widens_for_it_in_pretraining_too(pool: Pooling) -> None:
    spec = compilation(small({}, {"pool": "max", "channels": 16})).spec
    first, last = spec.stages
    spec = spec.model_copy(update={"stages": (first, last.model_copy(update={"pool": pool}))})
    classifier, pretrained = lower(spec), lower(encoder_of(spec))
    assert pretrained["features.1"].shape == (16, 16, 16)
    assert classifier["features.1"].shape == (8, 8, 16)
    new = dict(classifier.parameters().items() - pretrained.parameters().items())
    assert all(name.startswith("blocks.2.merge.") for name in new)
    assert bool(new) == (pool.kind == "merge")
    assert not any(name.startswith("blocks.2.proj") for name in pretrained.parameters())


def test_the_levels_of_a_neck_are_outputs_and_those_of_its_stages_too() -> None:
    graph = lower(compilation(small({}, {"pool": "max"}, neck={"kind": "feature_pyramid", "channels": 3})).spec)
    shapes = {name: graph[node].shape for name, node in graph.outputs.items() if name != "tokens"}
    assert shapes == {
        "features.0": (16, 16, 8),
        "features.1": (8, 8, 8),
        "pyramid.0": (16, 16, 3),
        "pyramid.1": (8, 8, 3),
        "pyramid.2": (4, 4, 3),
    }
    assert graph.returned == ("pyramid.0", "pyramid.1", "pyramid.2")
    assert "pyramid.0" not in lower(compilation(small({}, neck="feature_pyramid")).spec, kept_units=2).outputs


def test_a_pyramid_grows_from_one_channel_too() -> None:
    neck = {"kind": "simple_feature_pyramid", "channels": 4}
    graph = compilation(small({"channels": 1, "heads": 1}, neck=neck)).graph
    assert [graph[graph.outputs[f"pyramid.{level}"]].shape for level in (0, 1)] == [(64, 64, 4), (32, 32, 4)]
    assert graph["simfp_0.up1"].shape == (64, 64, 1)


def test_levels_of_one_resolution_are_added_as_they_are() -> None:
    graph = compilation(small({}, {}, {"pool": "max"}, neck="feature_pyramid")).graph
    assert [node.op.factors for node in graph if isinstance(node.op, Upsample)] == [(2, 2)]
