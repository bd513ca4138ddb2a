"""The cost of the shipped specs is what the paper and the public implementations report.

Figures from Ryali et al., "Hiera" (ICML 2023), Tables 2, 4 and 6: GMACs and millions of parameters as printed.
The exact ones were counted on the authors' modules: multiply-accumulates by fvcore with attention written as
products, FLOPs by ``torch.utils.flop_counter`` on the meta device.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import hiera_compiler as hc


@dataclass(frozen=True)
class Figures:
    """As printed (GMACs, M parameters; none where the paper gives none), and as counted."""

    spec: str
    gmacs: int | None
    mparams: int | None
    params: int
    exact_gmacs: float
    gflops: float


PUBLISHED = (
    Figures("hiera_t", 5, 28, 27_910_216, 4.9142, 9.8017),
    Figures("hiera_s", 6, 35, 35_008_072, 6.4225, 12.8122),
    Figures("hiera_b", 9, 52, 51_524_968, 9.4002, 18.7504),
    Figures("hiera_b_plus", 13, 70, 69_896_616, 12.6697, 25.2810),
    Figures("hiera_l", 40, 214, 213_739_912, 40.3385, 80.5421),
    Figures("hiera_h", 125, 673, 672_779_752, 124.8529, 249.4659),
    Figures("hiera_h_448", None, None, 675_188_200, 533.2754, 1065.5914),
    Figures("hiera_b_16x224", 102, 51, 51_092_560, 101.9261, 203.4519),
    Figures("hiera_b_plus_16x224", 133, 69, 69_392_240, 132.5360, 264.6049),
    Figures("hiera_l_16x224", 413, 213, 213_091_600, 412.6701, 824.2609),
    Figures("hiera_h_16x224", 1159, 672, 671_627_664, 1158.7557, 2315.5927),
)

TABLE_2_BLOCKS = {
    "hiera_t": ([96, 192, 384, 768], [1, 2, 7, 2], [1, 2, 4, 8]),
    "hiera_s": ([96, 192, 384, 768], [1, 2, 11, 2], [1, 2, 4, 8]),
    "hiera_b": ([96, 192, 384, 768], [2, 3, 16, 3], [1, 2, 4, 8]),
    "hiera_b_plus": ([112, 224, 448, 896], [2, 3, 16, 3], [2, 4, 8, 16]),
    "hiera_l": ([144, 288, 576, 1152], [2, 6, 36, 4], [2, 4, 8, 16]),
    "hiera_h": ([256, 512, 1024, 2048], [2, 6, 36, 4], [4, 8, 16, 32]),
}


@pytest.mark.parametrize("figures", PUBLISHED, ids=lambda figures: figures.spec)
def test_cost_is_as_published(figures: Figures) -> None:
    cost = hc.compile(figures.spec).cost
    assert cost.params == figures.params
    assert round(cost.macs / 1e9, 4) == figures.exact_gmacs
    assert round(cost.flops / 1e9, 4) == figures.gflops
    if figures.gmacs is not None:
        assert round(cost.macs / 1e9) == figures.gmacs
        assert round(cost.params / 1e6) == figures.mparams


def test_hiera_b_has_its_flops_to_the_digit() -> None:
    assert hc.compile("hiera_b").cost.flops == 18_750_400_512


def test_hiera_l_on_32_frames_is_as_in_table_6() -> None:
    cost = hc.compile("hiera_l_32x224").cost
    assert round(cost.macs / 1e9) == 1029
    assert round(cost.params / 1e6) == 213


@pytest.mark.parametrize("name", TABLE_2_BLOCKS)
def test_stages_are_those_of_table_2(name: str) -> None:
    rows = [row for row in hc.compile(name).cost.stages if row.name.startswith("stage")]
    channels, blocks, heads = TABLE_2_BLOCKS[name]
    assert [row.channels for row in rows] == channels
    assert [row.blocks for row in rows] == blocks
    assert [row.heads for row in rows] == heads
    assert [row.grid for row in rows] == [(side, side) for side in (56, 28, 14, 7)]
    # Global attention starts in the second block of stage 3, after its pooling (paper, section 3).
    assert [row.attention for row in rows] == ["mask unit", "mask unit", "global (first: mask unit)", "global"]


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_rows_add_up_to_the_whole(name: str) -> None:
    spec, cost = hc.compile(name).spec, hc.compile(name).cost
    assert (cost.params, cost.macs, cost.flops) == tuple(
        sum(getattr(row, field) for row in cost.stages) for field in ("params", "macs", "flops")
    )
    stages = [f"stage {number}" for number in range(1, 1 + len(spec.stages))]
    assert [row.name for row in cost.stages] == ["stem", *stages, *(["head"] if spec.head is not None else [])]
