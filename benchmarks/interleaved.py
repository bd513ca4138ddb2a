"""Interleaved timing: every contender once per round, so that a disturbance of the machine meets all of them."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Clock = Callable[[], float]

CLOCKS: dict[str, Clock] = {"cpu": time.process_time, "wall": time.perf_counter}
"""CPU seconds of this process, all threads summed, or elapsed seconds."""


@dataclass(frozen=True)
class Rounds:
    """The seconds of every contender in every round."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """The median seconds of a contender."""
        return statistics.median(self.seconds[name])

    def speed(self, name: str, against: str) -> float:
        """How many times as fast a contender is as another: the median over rounds of the ratio in one round."""
        pairs = zip(self.seconds[name], self.seconds[against], strict=True)
        return statistics.median(other / own for own, other in pairs)


def interleave(contenders: Mapping[str, Callable[[], object]], rounds: int, clock: Clock) -> Rounds:
    """Times contenders round by round, starting each round with another one, after one call each to warm up."""
    for call in contenders.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = clock()
            contenders[name]()
            seconds[name].append(clock() - start)
    return Rounds(seconds)


def progress(text: str) -> None:
    """Says on stderr what is being measured."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
