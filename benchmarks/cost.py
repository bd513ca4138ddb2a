"""Time to profile a lowered spec, against building its module and running fvcore's counters on it.

python -m benchmarks.cost [--quick] [--models hiera_l]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial

import hiera_compiler as hc
from benchmarks.interleaved import progress
from benchmarks.table import regime, table
from hiera_compiler.estimate import cost, peak_activation_bytes


def main() -> None:
    """Counts every model in both ways, checks that the figures are the same, and prints one table."""
    options = _options()
    header = regime(
        ["torch", "fvcore"],
        clock=f"CPU milliseconds, median of {options.rounds} lowered graphs and of {options.fvcore_rounds} modules",
        load=f"{os.getloadavg()[0]:.1f} processes want a core; times grow with it",
        counts="parameters, MACs, FLOPs, activations and bytes moved, by stage and by kind of primitive",
        peak="peak activation memory of a batch of one",
        fvcore="a new module, then fvcore's FlopCountAnalysis of one sample: MACs alone",
        speedup="fvcore over counts and peak together",
    )
    rows = [_row(model, options.rounds, options.fvcore_rounds) for model in options.models]
    columns = ("model", "nodes", "counts", "peak", "both", "fvcore", "speedup", "MACs of both")
    print(f"# Exact cost, in milliseconds\n\n{header}\n\n{table(columns, rows)}")


def _row(model: str, rounds: int, fvcore_rounds: int) -> list[str]:
    progress(model)
    graphs = [hc.compile(model).graph for _ in range(rounds)]
    counts = statistics.median(_seconds(partial(cost, graph)) for graph in graphs)
    peak = statistics.median(_seconds(partial(peak_activation_bytes, graph, 1, 4)) for graph in graphs)
    progress(f"{model} with fvcore")
    macs: list[int] = []
    fvcore = statistics.median(_seconds(lambda: macs.append(_counted(model))) for _ in range(fvcore_rounds))
    ours = cost(graphs[0]).macs
    if set(macs) != {ours}:
        raise AssertionError(f"{model}: fvcore counts {sorted(set(macs))} and we count {ours}")
    times = [f"{1e3 * seconds:.2f}" for seconds in (counts, peak, counts + peak)]
    speedup = f"{fvcore / (counts + peak):.0f}"
    return [model, str(len(graphs[0])), *times, f"{1e3 * fvcore:.0f}", speedup, f"{ours / 1e9:.4f} G"]


def _counted(model: str) -> int:
    from tests.support.fvcore_counters import counted_macs

    compilation = hc.compile(model)
    return counted_macs(compilation.module(), compilation.spec.input_shape)


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and no large model")
    parser.add_argument("--models", nargs="+", default=["hiera_t", "hiera_b", "hiera_l"])
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--fvcore-rounds", type=int, default=3)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.fvcore_rounds, options.models = 21, 1, options.models[:2]
    return options


if __name__ == "__main__":
    main()
