"""Which mask units are kept is decided as early as what makes the grid allows, whatever made it."""

from __future__ import annotations

from typing import Literal

import pytest

import hiera_compiler as hc
from hiera_compiler.ir import Add, DropPath, KeepUnits, Norm, Table
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.masking import AddKept, PatchEmbedKept
from hiera_compiler.kinds import Position
from hiera_compiler.lower import lower_mae
from hiera_compiler.spec.grids import kept_units

SMALL = ["input.size=64", "mae.decoder={depth: 1, channels: 16, heads: 2}"]


class OneVector(Position):
    """The same vector for all places: a table that is broadcast over the grid."""

    kind: Literal["one_vector"] = "one_vector"

    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        table = builder.add("pos_embed", Table((1,) * (len(grid.shape) - 1), grid.channels))
        return builder.add("position", Add(), grid, table)


def test_a_table_that_is_broadcast_is_added_before_units_are_kept() -> None:
    spec = hc.compile("hiera_t", SMALL).spec.model_copy(update={"position": OneVector()})
    early, late = (lower_mae(spec, early) for early in (True, False))
    assert any(isinstance(node.op, KeepUnits) for node in early)
    assert early["loss"].shape == late["loss"].shape
    assert early["encoder_norm"].shape == late["encoder_norm"].shape


def test_selection_passes_a_norm_and_a_table_of_all_places_into_the_patches() -> None:
    graph = lower_mae(hc.compile("hiera_t", [*SMALL, "patch.norm=true"]).spec)
    stem = [type(node.op) for node in graph if node.part == "stem"]
    assert [kind for kind in stem if kind in (PatchEmbedKept, Norm, AddKept)] == [PatchEmbedKept, Norm, AddKept]
    assert KeepUnits not in stem


@pytest.mark.parametrize(
    ("pretraining", "last"), [([], 0.2), (["mae.drop_path=0.3"], 0.3), (["mae.drop_path=0"], None)]
)
def test_the_encoder_drops_paths_at_the_rate_of_pretraining(pretraining: list[str], last: float | None) -> None:
    graph = lower_mae(hc.compile("hiera_t", [*SMALL, "drop_path=0.2", *pretraining]).spec)
    rates = [node.op.rate for node in graph if isinstance(node.op, DropPath)]
    assert (max(rates) if rates else None) == last


@pytest.mark.parametrize(("ratio", "kept"), [(0.9, 1), (0.7, 3), (0.3, 7), (0.85, 1), (0.05, 9)])
def test_a_mask_ratio_is_taken_as_it_is_written(ratio: float, kept: int) -> None:
    spec = hc.compile("hiera_t", ["input.size=[64, 160]", f"mae.mask_ratio={ratio}"]).spec.resolved()
    assert kept_units(spec) == kept
