"""What pooled attention pools, and where a pooling that does not fit is shown."""

from __future__ import annotations

import pytest

from hiera_compiler.ir import Input, SlidingPool, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, LoweringError
from hiera_compiler.kinds import BlockContext
from hiera_compiler.kinds.pool.max_pool import MaxPooling
from tests.support.random_specs import Data, compilation

OVERLAPPING: Data = {"kind": "max", "kernel": 3, "padding": 1}


def pooled(pool: Data, unit_stride: bool) -> list[str]:
    """The names of the poolings in attention, in a block that does not pool and in one that does."""
    attention = {"kind": "pooled", "pool": pool, "unit_stride": unit_stride, "kv_stride": 1}
    stage = {"depth": 1, "channels": 8, "heads": 2, "attention": attention}
    data = {"name": "x", "input": {"size": 16}, "patch": {"kernel": 2, "stride": 2}, "position": "none"}
    graph = compilation(data | {"mask_unit": "none", "stages": [stage, stage | {"pool": OVERLAPPING}]}).graph
    return [node.name for node in graph if ".attn." in node.name and isinstance(node.op, SlidingPool)]


def test_a_kernel_runs_at_a_stride_of_one_where_the_spec_says_so() -> None:
    blocks = [[f"blocks.{block}.attn.pool_{name}" for name in "qkv"] for block in (0, 1)]
    assert pooled(OVERLAPPING, unit_stride=True) == [*blocks[0], *blocks[1]]
    assert pooled(OVERLAPPING, unit_stride=False) == ["blocks.1.attn.pool_q"]


def test_a_kernel_of_one_token_never_runs_at_a_stride_of_one() -> None:
    for unit_stride in (True, False):
        assert not [name for name in pooled({"kind": "max"}, unit_stride) if not name.endswith("1.attn.pool_q")]


@pytest.mark.parametrize(("of_the_block", "key"), [(True, "pool"), (False, "attention")])
def test_a_pooling_that_does_not_fit_is_shown_where_it_was_asked_for(of_the_block: bool, key: str) -> None:
    too_large = MaxPooling(stride=(2, 2), kernel=(9, 9))
    block = BlockContext(8, 2, UnitLayout.raster((4, 4)), too_large if of_the_block else None)
    builder = GraphBuilder()
    with builder.origin("stages", 0), pytest.raises(LoweringError, match="a kernel of 9x9 does not fit") as caught:
        block.pooled_by(too_large, builder, "attn.pool_q", builder.add("x", Input((1, 16, 8))))
    assert caught.value.origin == ("stages", 0, key)
