"""How good the predictions are: published rows beside predicted ones, and what was fitted on what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, log

from hiera_compiler.estimate.anchors import (
    PAPER_BATCH,
    PAPER_DEVICE,
    TRANSFORMERS,
    GraphOf,
    device_out_errors,
    eager_prior,
    family_errors,
    held_out_errors,
    hiera_samples,
    log_error,
    paper_constants,
    set_samples,
    transformer_samples,
)
from hiera_compiler.estimate.conformal import coverage, ratio_coverage
from hiera_compiler.estimate.evidence import measured_sets
from hiera_compiler.estimate.fit import Sample, fit
from hiera_compiler.estimate.paper_throughput import UNITS, Row, Unpredicted, paper_rows, unpredicted_rows
from hiera_compiler.estimate.price import Constants
from hiera_compiler.estimate.profiles import shipped_profiles

PAPER_FIT = "one scale on the paper's ViT images; efficiencies on RTX 3090 ViT rows"


@dataclass(frozen=True)
class Summary:
    """Mean and worst absolute error of held-out rows, the goal for the mean, and what the constants were fitted on."""

    title: str
    rows: int
    mean: float
    worst: float
    goal: float | None
    fitted_on: str

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; none where there is none."""
        return None if self.goal is None else self.mean <= self.goal


@dataclass(frozen=True)
class Coverage:
    """How many held-out rows lie inside their 90 % interval."""

    title: str
    inside: int
    rows: int
    low: float = 0.85
    high: float = 0.97

    @property
    def share(self) -> float:
        return self.inside / self.rows

    @property
    def met(self) -> bool:
        return self.low <= self.share <= self.high


@dataclass(frozen=True)
class Evaluation:
    """Everything that ``hiera reproduce --predictions`` prints."""

    rows: tuple[Row, ...]
    summaries: tuple[Summary, ...]
    coverages: tuple[Coverage, ...]
    unpredicted: tuple[Unpredicted, ...]


def evaluate(graph_of: GraphOf) -> Evaluation:
    """The whole evaluation, refitted from the published rows; `graph_of` gives the graph of a bundled spec."""
    rows = tuple(paper_rows(graph_of))
    papers = (*_paper_summaries(graph_of), *_ablation_summaries(rows))
    summaries = (*papers, *_public_summaries(), *_datasheet_summaries(graph_of))
    return Evaluation(rows, summaries, tuple(_coverages(rows)), tuple(unpredicted_rows()))


def _paper_summaries(graph_of: GraphOf) -> Iterator[Summary]:
    constants = paper_constants()
    images, clips = (hiera_samples(table, graph_of) for table in PAPER_BATCH)
    vit_images, vit_clips = (transformer_samples(table) for table in PAPER_BATCH)
    yield _summary("A100 paper, Hiera images", _errors(images, constants), 0.05, PAPER_FIT)
    yield _summary("A100 paper, Hiera clips", _errors(clips, constants), 0.06, PAPER_FIT)
    yield _summary("A100 paper, ViT clips", _errors(vit_clips, constants), None, PAPER_FIT)
    rows = [*images, *clips, *vit_images, *vit_clips]
    names = ("scale", "products", "memory")
    others = [[other for other in rows if other is not row] for row in rows]
    left_out = [log_error(row, fit(rest, eager_prior(), names)) for row, rest in zip(rows, others, strict=True)]
    title = "A100 paper, leave one out over ViT and Hiera"
    yield _summary(title, left_out, 0.035, "scale, products and memory on the other rows of the paper")


def _ablation_summaries(rows: Sequence[Row]) -> Iterator[Summary]:
    for subject, unit in (("images", UNITS["table_17"]), ("clips", UNITS["table_16"])):
        errors = [log(row.predicted / row.published) for row in rows if (row.table, row.unit) == ("table_1", unit)]
        yield _summary(f"A100 paper, MViTv2 to Hiera on {subject}", errors, 0.12, PAPER_FIT)


def _public_summaries() -> Iterator[Summary]:
    for entry in measured_sets():
        goal = (0.015, 0.07) if entry.mode == "compiled" else (None, None)
        samples = set_samples(entry)
        errors = held_out_errors(samples, Constants())
        published = [e for name, e in errors["hiera"].items() if name.startswith("hiera_") and "abswin" not in name]
        yield _summary(f"{entry.name}, Hiera T to H", published, goal[0], "the same set without any Hiera row")
        left_out = [error for family in TRANSFORMERS for error in errors[family].values()]
        yield _summary(f"{entry.name}, leave one family out", left_out, goal[1], "the set's other families")


def _datasheet_summaries(graph_of: GraphOf) -> Iterator[Summary]:
    errors = device_out_errors()
    for target, source in (("rtx-4090", "rtx-3090"), ("rtx-3090", "rtx-4090")):
        some = [e for name, e in errors.items() if name.startswith("hiera_") and f"on {target}" in name]
        yield _summary(f"data sheet only: {target} eager, Hiera", some, 0.20, f"rows of the {source}")
    eager = next(p for p in shipped_profiles(PAPER_DEVICE) if p.regime.name == "eager-amp").constants
    rows = [row for table in PAPER_BATCH for row in hiera_samples(table, graph_of)]
    title = "data sheet only: A100 of the paper, Hiera"
    yield _summary(title, _errors(rows, eager), 0.20, "GeForce rows; no row of an A100")


def _coverages(rows: Sequence[Row]) -> Iterator[Coverage]:
    for mode in ("eager", "compiled"):
        groups = family_errors(mode)
        families = {family: [error for errors in some for error in errors] for family, some in groups.items()}
        yield Coverage(f"public {mode} rows, each family with the others' interval", *coverage(families))
        yield Coverage(f"ratios of two public {mode} rows, with other families' interval", *ratio_coverage(groups))
    held_out = [row for row in rows if row.name.startswith("hiera") or row.name.endswith("16x224")]
    title = "A100 paper, rows outside the fit, with the interval of public eager rows"
    yield Coverage(title, sum(row.inside for row in held_out), len(held_out), high=1.0)


def _errors(rows: Iterable[Sample], constants: Constants) -> list[float]:
    return [log_error(row, constants) for row in rows]


def _summary(title: str, log_errors: Sequence[float], goal: float | None, fitted_on: str) -> Summary:
    # Throughput predicted over measured: the same ratio as time measured over predicted.
    sizes = [abs(exp(error) - 1.0) for error in log_errors]
    return Summary(title, len(sizes), sum(sizes) / len(sizes), max(sizes), goal, fitted_on)
