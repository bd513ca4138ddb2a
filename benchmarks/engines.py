"""Our engine against Optuna's samplers: the same space, budget and figures, at equal evaluations and at equal time.

`python -m benchmarks.engines > benchmarks/results/engines.md` takes some minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.interleaved import progress
from benchmarks.table import regime, table
from hiera_search.explore import Request, Search
from hiera_search.explore.sieve import Judged


def searched(asked: Request, seconds: float | None = None) -> tuple[Judged | None, int, float]:
    """The front, the candidates judged and the CPU seconds of a search, ended after so many seconds."""
    search = Search(asked, Path(tempfile.mkdtemp()))
    start = time.process_time()

    def watch(step: str, done: int, total: int) -> None:
        if seconds is not None and time.process_time() - start > seconds:
            raise KeyboardInterrupt  # what Ctrl-C does: what is found is kept

    search.run(watch)
    return search.sieve.front, search.sieve.evaluated, time.process_time() - start


def hypervolume(front: Judged | None, limit: float, best: float) -> float:
    """The share of the box from no score at the latency limit to the best score at no latency that a front covers."""
    if front is None:
        return 0.0
    cost, score = front.cost, front.scores.value
    ends = np.r_[cost[1:], limit]
    return float(np.sum((ends - cost) * np.maximum.accumulate(score)) / (limit * best))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", default="hiera_image")
    parser.add_argument("--budget-ms", type=float, default=2.5)
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    base = Request(space=asked.space, latency_ms=asked.budget_ms, risk=0.5)
    found: dict[str, list[tuple[Judged | None, int, float]]] = {}

    def run(name: str, seconds: float | None = None, **changes: object) -> None:
        for seed in range(asked.seeds):
            progress(f"{name}, seed {seed}")
            found.setdefault(name, []).append(searched(base.changed({**changes, "seed": seed}), seconds))

    count = asked.evaluations
    for sampler in ("random", "nsga2", "tpe"):
        run(f"Optuna {sampler}, {count} candidates", engine="optuna", sampler=sampler, candidates=count)
    run(f"ours, {count} candidates", candidates=count)
    slowest = float(np.median([seconds for _, _, seconds in found[f"Optuna tpe, {count} candidates"]]))
    run(f"ours, the {slowest:.0f} s of Optuna tpe", seconds=slowest, candidates=10**7)
    run("ours, to its end")
    best = max(float(one.scores.value.max()) for runs in found.values() for one, _, _ in runs if one is not None)
    print("# Engines\n")
    print(regime(["optuna", "numpy"], space=asked.space, budget=f"{asked.budget_ms} ms", seeds=asked.seeds) + "\n")
    header = ("engine", "candidates", "CPU s", "hypervolume, worst", "median", "best")
    print(table(header, [_row(name, runs, asked.budget_ms, best) for name, runs in found.items()]))


def _row(name: str, runs: list[tuple[Judged | None, int, float]], limit: float, best: float) -> list[str]:
    volumes = sorted(hypervolume(front, limit, best) for front, _, _ in runs)
    counts = [str(int(np.median([count for _, count, _ in runs])))]
    seconds = [f"{np.median([seconds for _, _, seconds in runs]):.1f}"]
    return [
        name,
        *counts,
        *seconds,
        *(f"{value:.4f}" for value in (volumes[0], float(np.median(volumes)), volumes[-1])),
    ]


if __name__ == "__main__":
    main()
