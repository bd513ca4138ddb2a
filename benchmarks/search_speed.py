"""Candidates that are sampled, checked and costed in a second on one core, by look-up of distinct blocks.

python -m benchmarks.search_speed [--quick] [--spaces hiera_image] [--tasks classify mae]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.interleaved import progress
from benchmarks.table import regime, table
from hiera_compiler import Compilation
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.predict import predict
from hiera_compiler.estimate.profiles import Profile, profiles_for
from hiera_compiler.pipeline import Task
from hiera_search.space import Refused, Space, load_space
from hiera_search.table import Columns, Table, memory_bytes

DEVICE, REGIME = "a100-40gb", "compiled-half"
TO_BEAT = 175_000
"""Candidates a second of random sampling and a vectorised cost formula, the figure to beat."""
FIGURES = ("params", "macs", "flops", "memory", "latency_ms")


def main() -> None:
    """Prices each space cold and warm, holds a sample against the compiler, and prints one table."""
    options = _options()
    header = regime(
        ["numpy", "pydantic"],
        clock=f"CPU time of one process, NumPy on one thread; warm: median of {options.rounds} rounds",
        load=f"{os.getloadavg()[0]:.1f} processes want a core; times grow with it",
        prices=f"parameters, MACs, FLOPs, memory, capacity and latency of one image on {DEVICE}, {REGIME}",
        cold=f"the first {options.candidates:.0e} candidates, each distinct part lowered on the way",
        warm=f"another {options.candidates:.0e} candidates, sampling included; {TO_BEAT} are to beat",
        task="mae prices masked autoencoders of the same space, with the decoder of the spec that it extends",
        one_by_one="the same figures from the compiler, a spec after the other",
        equal=f"figures and refusals of {options.checked} candidates that are the compiler's, to the last digit",
    )
    rows = [_row(name, task, options) for task in options.tasks for name in options.spaces]
    columns = ("space", "task", "points", "lawful %", "parts", "cold s", "warm s", "warm /s", "one by one /s", "equal")
    print(f"# Pricing candidates\n\n{header}\n\n{table(columns, rows)}")


def _row(name: str, task: Task, options: argparse.Namespace) -> list[str]:
    progress(f"{name}, {task}")
    space = load_space(name)
    profile = next(one for one in profiles_for(DEVICE) if one.regime.name == REGIME)
    priced = Table(space, profile, task=task)
    random = np.random.default_rng(0)
    start = time.process_time()
    found = priced.price(sample(space, random, options.candidates))
    cold = time.process_time() - start
    lawful = float((found.refused == 0).mean())
    progress(f"{name}, warm")
    warm = statistics.median(_seconds(priced, random, options.candidates) for _ in range(options.rounds))
    progress(f"{name}, one by one")
    choices = sample(space, random, options.checked)
    start = time.process_time()
    expected = [compiled(space, choice, profile, task) for choice in choices.tolist()]
    slow = (time.process_time() - start) / len(expected)
    columns = priced.price(choices)
    equal = sum(looked_up(priced, columns, place) == row for place, row in enumerate(expected))
    if equal != len(expected):
        raise AssertionError(f"{name}: {len(expected) - equal} of {len(expected)} candidates have other figures")
    rates = f"{options.candidates / warm:,.0f}".replace(",", " ")
    times = [f"{cold:.1f}", f"{warm:.2f}", rates, f"{1 / slow:.0f}"]
    return [name, task, f"{space.points:.2g}", f"{100 * lawful:.0f}", str(priced.distinct), *times, f"{equal}/{equal}"]


def _seconds(priced: Table, random: np.random.Generator, count: int) -> float:
    start = time.process_time()
    priced.price(sample(priced.space, random, count))
    return time.process_time() - start


def sample(space: Space, random: np.random.Generator, count: int) -> NDArray[np.int32]:
    """Choices, each hole's options equally likely."""
    choices = np.empty((count, len(space.holes)), np.int32, order="F")
    for place, digit in enumerate(space.digits()):
        choices[:, place] = random.integers(0, digit, count, np.uint16)
    return choices


def compiled(space: Space, choice: list[int], profile: Profile, task: Task) -> tuple[Any, ...]:
    """The code that refuses a candidate, or its figures, from the compiler."""
    try:
        made = Compilation(space.fill(choice), task)
        graph, cost = made.graph, made.cost
    except Refused as refused:
        return (refused.code,)
    except SpecError as error:
        return (error.diagnostics[0].code,)
    memory = memory_bytes(graph, cost.params, profile, 1)
    return "", cost.params, cost.macs, cost.flops, memory, predict(graph, profile, 1).latency_ms


def looked_up(priced: Table, columns: Columns, place: int) -> tuple[Any, ...]:
    """The same from a table."""
    code = priced.codes[columns.refused[place]]
    return (code,) if code else (code, *(getattr(columns, name)[place].item() for name in FIGURES))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search_speed", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer candidates and rounds")
    parser.add_argument("--spaces", nargs="+", default=["hiera_small", "hiera_b_around", "hiera_image", "hiera_video"])
    parser.add_argument("--tasks", nargs="+", default=["classify", "mae"], choices=["classify", "mae"])
    parser.add_argument("--candidates", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--checked", type=int, default=200)
    options = parser.parse_args()
    if options.quick:
        options.candidates, options.rounds, options.checked = 100_000, 3, 50
    return options


if __name__ == "__main__":
    main()
