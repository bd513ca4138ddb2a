"""Timing by turns: the functions compared run in one loop, since machines drift from minute to minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Call = Callable[[], object]


@dataclass(frozen=True)
class Timer:
    """A clock in seconds, and what waits until a device has done all that it was given."""

    clock: Callable[[], float] = time.perf_counter
    synchronise: Callable[[], None] = lambda: None

    def seconds(self, call: Call, times: int = 1) -> float:
        """The mean seconds of one of ``times`` calls in a row; the device is waited for before and after them all."""
        self.synchronise()
        start = self.clock()
        for _ in range(times):
            call()
        self.synchronise()
        return (self.clock() - start) / times

    def backlog(self, call: Call, times: int) -> float:
        """The share of the seconds of calls in a row in which the device still works after the last was given to it.

        Near zero where giving takes longer than running: the seconds are then the host's, and say nothing of kernels.
        """
        self.synchronise()
        start = self.clock()
        for _ in range(times):
            call()
        given = self.clock() - start
        self.synchronise()
        took = self.clock() - start
        return 1 - given / took if took > 0 else 0.0

    def calls_in(self, call: Call, seconds: float) -> int:
        """How many calls fill the seconds, at least one; makes calls to find out."""
        times = 1
        while (took := self.seconds(call, times) * times) < seconds / 2 and times < 1 << 20:
            times *= 2
        return max(1, round(times * seconds / took)) if took > 0 else times


def in_turns(calls: Sequence[Call], times: Sequence[int], rounds: int, timer: Timer) -> Iterator[tuple[float, ...]]:
    """For each round the seconds of one call of each, in the order of ``calls``.

    Each round starts with another one, so that none is always the one that runs after the slowest. A round is
    yielded when it is complete: what was yielded before an interruption can be compared.
    """
    for number in range(rounds):
        taken = dict.fromkeys(range(len(calls)), 0.0)
        for offset in range(len(calls)):
            index = (number + offset) % len(calls)
            taken[index] = timer.seconds(calls[index], times[index])
        yield tuple(taken.values())


@dataclass(frozen=True)
class Spread:
    """The median of some figures and their quartiles."""

    median: float
    lower: float
    upper: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of one figure or more."""
        return cls(quantile(values, 0.5), quantile(values, 0.25), quantile(values, 0.75), len(values))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies, by linear interpolation; a median at 0.5."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
