"""The throughput that the Hiera paper reports beside the predicted one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp

from hiera_compiler.estimate.anchors import (
    PAPER_DEVICE,
    GraphOf,
    graph_sample,
    hiera_samples,
    log_error,
    paper_constants,
    transformer_samples,
)
from hiera_compiler.estimate.evidence import paper
from hiera_compiler.estimate.fit import Sample
from hiera_compiler.estimate.profiles import shipped_profiles

UNITS = {"table_17": "images/s", "table_16": "clips/s"}
ABLATION = {
    "mvitv2_l_supervised": "0_mvitv2_l",
    "a_replace_rel_pos_with_absolute": "a_absolute",
    "b_replace_convs_with_maxpools": "b_max_pools",
    "c_delete_stride_1_maxpools": "c_no_unit_strides",
    "d_set_kernel_size_equal_to_stride": "d_kernel_is_stride",
    "e_delete_q_attention_residuals": "e_no_residuals",
    "f_replace_kv_pooling_with_mask_unit_attn": "f_mask_unit_attention",
}
"""The specs of Table 1's rows, in the folders of images and of clips. Nothing was fitted on them."""
FOLDERS = {"table_17": "ablation", "table_16": "ablation_video"}


@dataclass(frozen=True)
class Row:
    """A published throughput beside the predicted one, with its 90 % interval."""

    table: str
    name: str
    unit: str
    published: float
    predicted: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Predicted over published, less one."""
        return self.predicted / self.published - 1.0

    @property
    def inside(self) -> bool:
        return self.low <= self.published <= self.high


@dataclass(frozen=True)
class Unpredicted:
    """A published throughput of a model that has no graph here, and why.

    Its parameters and multiply-accumulates are those counted on a public implementation, where there is one.
    """

    table: str
    name: str
    unit: str
    published: float
    reason: str
    counted_on: str | None
    params: int | None
    macs: int | None


def paper_rows(graph_of: GraphOf) -> Iterator[Row]:
    """The paper's Tables 17, 16 and 1, as far as their models have graphs; scaled on ViT rows on images only."""
    profile = next(p for p in shipped_profiles(PAPER_DEVICE) if "paper" in p.regime.name)
    width, constants = exp(profile.spread), paper_constants()

    def row(table: str, unit: str, sample: Sample, published: float) -> Row:
        predicted = published * exp(log_error(sample, constants))
        return Row(table, sample.name, unit, published, predicted, predicted / width, predicted * width)

    for column, (table, unit) in enumerate(UNITS.items()):
        for sample in (*transformer_samples(table), *hiera_samples(table, graph_of)):
            yield row(table, unit, sample, paper()[table][sample.family][sample.name])
        for name, values in paper()["table_1"].items():
            graph = graph_of(f"{FOLDERS[table]}/{ABLATION[name]}")
            yield row("table_1", unit, graph_sample(graph, name, table, values[column]), values[column])


def unpredicted_rows() -> Iterator[Unpredicted]:
    """The rows of the paper's Tables 17 and 16 whose models have no graph here."""
    for table, unit in UNITS.items():
        for family, about in paper()["unpredicted"].items():
            for name, published in paper()[table].get(family, {}).items():
                counts = about.get("counts", {}).get(name, (None, None))
                yield Unpredicted(table, name, unit, published, about["reason"], about.get("counted_on"), *counts)
