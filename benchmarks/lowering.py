"""Time from a spec file to its graph, phase by phase, without torch.

python -m benchmarks.lowering [--quick] [--models hiera_l]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import hiera_compiler as hc
from benchmarks.interleaved import progress
from benchmarks.table import regime, table

PHASES: dict[str, Callable[[hc.Compilation], object]] = {
    "parse and check": lambda compilation: compilation.spec,
    "lower and check": lambda compilation: compilation.graph,
    "cost": lambda compilation: compilation.cost,
}

COLD = """
import time
start = time.process_time()
import hiera_compiler as hc
hc.compile({!r}).graph
print(time.process_time() - start)
"""


def main() -> None:
    """Runs every model through the phases and prints one table."""
    options = _options()
    header = regime(
        ["pydantic", "PyYAML", "networkx"],
        clock=f"CPU milliseconds, median of {options.rounds} in a warm process",
        cold="first graph of a new process, imports included, bare Python's start left out; median of 5",
    )
    rows = [_row(model, options.rounds) for model in options.models]
    assert "torch" not in sys.modules
    columns = ("model", "nodes", "load", *PHASES, "file to graph", "cold")
    print(f"# From file to graph, in milliseconds\n\n{header}\n- torch: not imported\n\n{table(columns, rows)}")


def _row(model: str, rounds: int) -> list[str]:
    progress(model)
    samples = [_phases(model) for _ in range(rounds + 1)][1:]
    medians = [statistics.median(column) for column in zip(*samples, strict=True)]
    until_graph = statistics.median(sum(sample[:3]) for sample in samples)
    nodes = len(list(hc.compile(model).graph))
    cold = statistics.median(_cold(model) for _ in range(5))
    return [model, str(nodes), *(f"{1e3 * seconds:.1f}" for seconds in [*medians, until_graph, cold])]


def _phases(model: str) -> list[float]:
    marks = [time.process_time()]
    compilation = hc.compile(model)
    marks.append(time.process_time())
    for phase in PHASES.values():
        phase(compilation)
        marks.append(time.process_time())
    return [end - start for start, end in pairwise(marks)]


def _cold(model: str) -> float:
    command = [sys.executable, "-c", COLD.format(model)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lowering", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--models", nargs="+", default=["hiera_t", "hiera_b", "hiera_l", "hiera_l_32x224"])
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    if options.quick:
        options.rounds = 7
    return options


if __name__ == "__main__":
    main()
