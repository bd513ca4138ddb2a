"""What a search finds against the published models, each at the published one's own predicted latency.

`python -m benchmarks.found > benchmarks/results/found.md` takes a few minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.interleaved import progress
from benchmarks.table import regime, table
from hiera_search.explore import Request, Search, outcome
from hiera_search.explore.regime import choose_profile
from hiera_search.report import Candidate

PUBLISHED = ("hiera_t", "hiera_s", "hiera_b", "hiera_b_plus", "hiera_l", "hiera_h")


def best_within(asked: Request) -> tuple[Candidate, dict[str, Candidate]]:
    """The best candidate of a search, and the published models, by name."""
    search = Search(asked, Path(tempfile.mkdtemp()))
    front = outcome(search, search.run(lambda *_: None), "benchmarks.found")
    return front.front[0], {one.name: one for one in front.published}


def rows(space: str, batch: int, candidates: int) -> Iterator[list[str]]:
    """One row for each rung and published model."""
    for rung in ("capacity", "table"):
        # Both predictions are taken as they are: the error that they share cancels.
        asked = Request(space=space, accuracy=rung, batch=batch, risk=0.5, candidates=candidates)
        _, published = best_within(asked.changed({"space": "hiera_small"}))
        for name in PUBLISHED:
            progress(f"{rung} at the latency of {name}")
            best, _ = best_within(asked.changed({"latency_ms": published[name].latency_ms}))
            yield _row(rung, published[name], best)


def _row(rung: str, known: Candidate, best: Candidate) -> list[str]:
    gain = best.accuracy - known.accuracy
    if rung == "capacity":
        shown = [
            f"{known.accuracy:.0f}",
            f"{best.accuracy:.0f}",
            f"{100 * gain / known.accuracy:+.0f} %",
            "no accuracy",
        ]
    else:
        band = f"{best.accuracy_low:.1f} to {best.accuracy_high:.1f}"
        verdict = "yes" if best.accuracy_low > known.accuracy_high else "no"
        verdict += ", extrapolated" if best.extrapolated else ""
        shown = [f"{known.accuracy:.1f}", f"{best.accuracy:.1f} ({band})", f"{gain:+.1f}", verdict]
    sizes = [f"{one.params / 1e6:.0f} M, {one.macs / 1e9:.0f} G" for one in (known, best)]
    return [f"{rung}, {known.name}", f"{known.latency_ms:.3g}", f"{best.latency_ms:.3g}", *shown, *sizes]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", default="hiera_image")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--candidates", type=int, default=200_000, help="of each search, at most")
    asked = parser.parse_args()
    profile = choose_profile()
    where = f"{profile.name}, tier {profile.tier}: predicted, not measured; the table rung's scores are estimates"
    header = ("score, published", "ms", "ms found", "score", "score found", "gain", "beyond the bands", "size", "found")
    lines = list(rows(asked.space, asked.batch, asked.candidates))
    print("# What a search finds at the latency of the published models\n")
    print(regime(["numpy"], space=asked.space, batch=asked.batch, predicted_for=where) + "\n")
    print(table(header, lines))


if __name__ == "__main__":
    main()
