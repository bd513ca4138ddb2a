"""The batch sweep: powers of two until the throughput no longer grows, or the memory ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


class OutOfMemory(Exception):  # noqa: N818 - it ends a sweep and is no fault
    """A batch of a model that the device has no memory for; ``needed`` and ``available`` in bytes where known."""

    def __init__(self, batch: int, needed: int | None = None, available: int | None = None, name: str = "") -> None:
        super().__init__(f"no memory for a batch of {batch}")
        self.name = name
        self.batch = batch
        self.needed = needed
        self.available = available


@dataclass(frozen=True)
class Tried:
    """One batch of a sweep: samples per second, or none where the memory ended."""

    batch: int
    throughput: float | None


def sweep(rate: Callable[[int], float], largest: int, gain: float) -> Iterator[Tried]:
    """What each batch gave, as it is found; ``rate`` gives samples per second or raises OutOfMemory.

    Two doublings in a row without ``gain`` over the best so far (0.02: 2 %) end it, as a single one may be noise.
    Raises OutOfMemory where not even one sample fits.
    """
    best, idle, batch = 0.0, 0, 1
    while batch <= largest and idle < 2:
        try:
            found = rate(batch)
        except OutOfMemory:
            if batch == 1:
                raise
            yield Tried(batch, None)
            return
        yield Tried(batch, found)
        idle = 0 if found > best * (1 + gain) else idle + 1
        best = max(best, found)
        batch *= 2


def best_batch(tried: list[Tried]) -> int:
    """The batch of the highest throughput."""
    return max(tried, key=lambda one: one.throughput or 0.0).batch
