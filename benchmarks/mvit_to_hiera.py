"""The lattice from MViTv2-L to Hiera-L: the speed that is predicted of its points, beside the paper's Table 1.

`python -m benchmarks.mvit_to_hiera > benchmarks/results/mvit_to_hiera.md` takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

import hiera_compiler as hc
from benchmarks.interleaved import progress
from benchmarks.table import regime, table
from hiera_compiler.estimate.anchors import PAPER_BATCH, PAPER_DEVICE
from hiera_compiler.estimate.evaluation import ABLATION, FOLDERS
from hiera_compiler.estimate.evidence import paper
from hiera_compiler.estimate.predict import Prediction, predict
from hiera_compiler.estimate.profiles import Profile
from hiera_search.accuracy.correlation import kendall
from hiera_search.explore.front import non_dominated
from hiera_search.explore.regime import choose_profile
from hiera_search.space import load_space

SPACES = {"mvit_to_hiera": "table_17", "mvit_to_hiera_video": "table_16"}
"""The space of images and that of clips, and the table of the paper whose batch theirs is."""


@dataclass(frozen=True)
class Row:
    """What the paper says of a point: its row in Table 1, top-1 in per cent, and samples a second on an A100."""

    name: str
    top1: float
    measured: float


@dataclass(frozen=True)
class Point:
    """A lawful point of the lattice; the option of a hole that does not exist there is empty."""

    options: tuple[str, ...]
    macs: int
    predicted: Prediction
    row: Row | None


def points(space_name: str, profile: Profile) -> Iterator[Point]:
    """The lawful points of a space, each once."""
    space, rows = load_space(space_name), published(SPACES[space_name])
    every = np.array(list(product(*(range(count) for count in space.digits()))), np.int32)
    for choice in np.unique(space.canonical(every), axis=0):
        compilation = hc.Compilation(space.fill(choice.tolist()))
        try:
            graph = compilation.graph
        except hc.SpecError:
            continue
        exist = space.active(choice[None])[0]
        options = [str(hole.options[at]) if on else "" for hole, at, on in zip(space.holes, choice, exist, strict=True)]
        predicted = predict(graph, profile, PAPER_BATCH[SPACES[space_name]])
        yield Point(tuple(options), compilation.cost.macs, predicted, rows.get(compilation.spec.hash))


def published(source: str) -> dict[str, Row]:
    """The rows of Table 1 by the hash of their spec; `source` tells images from clips."""
    column = list(SPACES.values()).index(source)
    speeds, accuracies = paper()["table_1"], paper()["table_1_top1"]
    return {
        hc.compile(f"{FOLDERS[source]}/{spec}").spec.hash: Row(spec, accuracies[name][column], speeds[name][column])
        for name, spec in ABLATION.items()
    }


def report(space_name: str, profile: Profile) -> str:
    """The rows of Table 1, what they say of the predictions, and all points of the lattice by falling speed."""
    found = sorted(points(space_name, profile), key=lambda point: -point.predicted.throughput)
    holes = [hole.name for hole in load_space(space_name).holes]
    unit = "clips/s" if space_name.endswith("video") else "images/s"
    parts = [f"## `{space_name}`", _rows(found, unit), *_verdict(found), _lattice(found, holes, unit)]
    return "\n\n".join(parts)


def _trained(found: Sequence[Point]) -> list[tuple[Row, Prediction]]:
    """The points that the paper measured, in its order."""
    rows = [(point.row, point.predicted) for point in found if point.row is not None]
    return sorted(rows, key=lambda pair: pair[0].name)


def _rows(found: Sequence[Point], unit: str) -> str:
    trained = _trained(found)
    fronts = [{row.name for row in front} for front in _fronts(trained)]
    header = ("row of Table 1", "top-1", f"measured {unit}", f"predicted {unit}", "90 % interval", "error")
    return table((*header, "measured front", "predicted front"), (_row_cells(*pair, fronts) for pair in trained))


def _row_cells(row: Row, predicted: Prediction, fronts: Sequence[set[str]]) -> list[str]:
    figures = [f"{row.top1:.1f}", f"{row.measured:.1f}", f"{predicted.throughput:.1f}"]
    figures += [f"{predicted.low:.0f} to {predicted.high:.0f}", f"{predicted.throughput / row.measured - 1:+.0%}"]
    return [row.name, *figures, *("yes" if row.name in front else "" for front in fronts)]


def _fronts(trained: Sequence[tuple[Row, Prediction]]) -> tuple[list[Row], list[Row]]:
    """The rows that no other beats in top-1 and speed: by the measured speed, and by the predicted."""
    score = np.array([row.top1 for row, _ in trained])
    measured = np.array([1 / row.measured for row, _ in trained])
    predicted = np.array([1 / prediction.throughput for _, prediction in trained])
    first, second = ([trained[at][0] for at in non_dominated(cost, score)] for cost in (measured, predicted))
    return first, second


def _verdict(found: Sequence[Point]) -> Iterator[str]:
    """The fronts, the rank correlation, and what is predicted of points that the paper did not train."""
    trained = _trained(found)
    measured, predicted = (" and ".join(row.name for row in front) for front in _fronts(trained))
    same = "the same by the predicted" if measured == predicted else f"by the predicted {predicted}"
    yield f"The front of top-1 and speed, fastest first: by the measured speed {measured}; {same}."
    tau, some = _tau(trained), _tau([pair for pair in trained if not pair[0].name.startswith("b_")])
    yield (
        f"Rank correlation of predicted and measured speed (Kendall's tau): {tau:.2f}; {some:.2f} without b_max_pools."
    )
    last = next(prediction for row, prediction in trained if row.name.startswith("f_"))
    faster = sum(point.predicted.throughput > last.throughput * (1 + 1e-9) for point in found)
    others = len(found) - len(trained)
    yield (
        f"Of the {others} lawful points that the paper leaves out nobody knows the top-1, and the size score of all is "
        f"one. Of all {len(found)} points, {faster or 'none'} {'are' if faster > 1 else 'is'} predicted to be faster "
        "than f_mask_unit_attention, which is Hiera-L."
    )


def _tau(trained: Sequence[tuple[Row, Prediction]]) -> float:
    pairs = [(prediction.throughput, row.measured) for row, prediction in trained]
    return kendall(*np.array(pairs).T)


def _lattice(found: Sequence[Point], holes: Sequence[str], unit: str) -> str:
    rows = [
        [name, f"{point.predicted.throughput:.1f}", f"{point.macs / 1e9:.1f}", *point.options]
        for point in found
        for name in [point.row.name if point.row is not None else ""]
    ]
    return table(("row of Table 1", f"predicted {unit}", "GMACs", *holes), rows)


def main() -> None:
    """Print the report."""
    profile = choose_profile(PAPER_DEVICE, "paper-eager-amp")
    print("# From MViTv2-L to Hiera-L: the lattice of Table 1, predicted and measured\n")
    lines = {
        "predicted_for": f"{profile.name}, tier {profile.tier}: {profile.provenance}",
        "batch": f"{PAPER_BATCH['table_17']} images, {PAPER_BATCH['table_16']} clips of 16 frames",
        "measured": "the paper, on an A100 40 GB, with PyTorch 1.12 in fp16, without fused attention; top-1 with MAE "
        "(0_mvitv2_l without) on ImageNet-1K and Kinetics-400",
    }
    print(regime([], **lines))
    for name in SPACES:
        progress(name)
        print(f"\n{report(name, profile)}")


if __name__ == "__main__":
    main()
