"""Interleaved timing: every contender once per round, so that a disturbance of the machine meets all of them."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hiera_compiler.profile.timing import Timer, in_turns

Clock = Callable[[], float]

CLOCKS: dict[str, Clock] = {"cpu": time.process_time, "wall": time.perf_counter}
"""CPU seconds of this process, all threads summed, or elapsed seconds."""


@dataclass(frozen=True)
class Rounds:
    """The seconds of every contender in every round."""

    seconds: Mapping[str, tuple[float, ...]]

    def median(self, name: str) -> float:
        """The median seconds of a contender."""
        return statistics.median(self.seconds[name])

    def speed(self, name: str, against: str) -> float:
        """How many times as fast a contender is as another: the median over rounds of the ratio in one round."""
        pairs = zip(self.seconds[name], self.seconds[against], strict=True)
        return statistics.median(other / own for own, other in pairs)


def interleave(contenders: Mapping[str, Callable[[], object]], rounds: int, clock: Clock) -> Rounds:
    """Times contenders in turns, after one call each to warm up."""
    calls = list(contenders.values())
    for call in calls:
        call()
    taken = in_turns(calls, [1] * len(calls), rounds, Timer(clock))
    return Rounds(dict(zip(contenders, zip(*taken, strict=True), strict=True)))


def progress(text: str) -> None:
    """Says on stderr what is being measured."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
