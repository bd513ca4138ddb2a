"""The lattice from MViTv2-L to Hiera-L: the speed that is predicted of its points, beside the paper's Table 1.

`python -m benchmarks.mvit_to_hiera --svg docs/mvit_to_hiera.svg > benchmarks/results/mvit_to_hiera.md` takes seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.interleaved import progress
from benchmarks.lattice import SPACES, Point, Row, fronts, lattice, trained
from benchmarks.lattice_picture import svg
from benchmarks.table import regime, table
from hiera_compiler.estimate.anchors import PAPER_BATCH, PAPER_DEVICE
from hiera_compiler.estimate.paper_throughput import UNITS
from hiera_compiler.estimate.predict import Prediction
from hiera_search.accuracy.correlation import kendall
from hiera_search.explore.regime import choose_profile
from hiera_search.space import load_space


def report(space_name: str, found: Sequence[Point]) -> str:
    """The rows of Table 1, what they say of the predictions, and all points of the lattice by falling speed."""
    holes = [hole.name for hole in load_space(space_name).holes]
    unit = UNITS[SPACES[space_name]]
    parts = [f"## `{space_name}`", _rows(found, unit), *_verdict(found), _lattice(found, holes, unit)]
    return "\n\n".join(parts)


def _rows(found: Sequence[Point], unit: str) -> str:
    pairs = trained(found)
    names = [{row.name for row in front} for front in fronts(pairs)]
    header = ("row of Table 1", "top-1", f"measured {unit}", f"predicted {unit}", "90 % interval", "error")
    return table((*header, "measured front", "predicted front"), (_row_cells(*pair, names) for pair in pairs))


def _row_cells(row: Row, predicted: Prediction, fronts: Sequence[set[str]]) -> list[str]:
    figures = [f"{row.top1:.1f}", f"{row.measured:.1f}", f"{predicted.throughput:.1f}"]
    figures += [f"{predicted.low:.0f} to {predicted.high:.0f}", f"{predicted.throughput / row.measured - 1:+.0%}"]
    return [row.name, *figures, *("yes" if row.name in front else "" for front in fronts)]


def _verdict(found: Sequence[Point]) -> Iterator[str]:
    """The fronts, the rank correlation, and what is predicted of points that the paper did not train."""
    pairs = trained(found)
    measured, predicted = (" and ".join(row.name for row in front) for front in fronts(pairs))
    same = "the same by the predicted" if measured == predicted else f"by the predicted {predicted}"
    yield f"The front of top-1 and speed, fastest first: by the measured speed {measured}; {same}."
    tau = kendall(*np.array([(prediction.throughput, row.measured) for row, prediction in pairs]).T)
    yield f"Rank correlation of predicted and measured speed of the {len(pairs)} rows (Kendall's tau): {tau:.2f}."
    last = next(prediction for row, prediction in pairs if row.name.startswith("f_"))
    faster = sum(point.predicted.throughput > last.throughput * (1 + 1e-9) for point in found)
    others = len(found) - len(pairs)
    yield (
        f"Of the {others} lawful points that the paper leaves out nobody knows the top-1, and all have one and the "
        f"same size score. Of all {len(found)} points, {faster or 'none'} {'are' if faster > 1 else 'is'} predicted to "
        "be faster than f_mask_unit_attention, which is Hiera-L."
    )


def _lattice(found: Sequence[Point], holes: Sequence[str], unit: str) -> str:
    rows = [
        [name, f"{point.predicted.throughput:.1f}", f"{point.macs / 1e9:.1f}", *point.options]
        for point in found
        for name in [point.row.name if point.row is not None else ""]
    ]
    return table(("row of Table 1", f"predicted {unit}", "GMACs", *holes), rows)


def main() -> None:
    """Print the report, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--svg", type=Path, help="the file to draw the lattice of images to")
    asked = parser.parse_args()
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
        found = lattice(name, profile)
        print(f"\n{report(name, found)}")
        if asked.svg is not None and name == "mvit_to_hiera":
            asked.svg.write_text(svg(found, UNITS[SPACES[name]]), encoding="utf-8")


if __name__ == "__main__":
    main()
