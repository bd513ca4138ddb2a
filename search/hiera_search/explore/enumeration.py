"""Every point of a space, in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray

from hiera_search.space import Space

CHUNK = 1 << 18
"""Candidates at a time: enough to forget Python's overhead, few enough for the processor's caches."""
MOST = 10**7
"""Points of the largest space that is enumerated."""


def all_choices(space: Space, start: int = 0, chunk: int = CHUNK) -> Iterator[NDArray[np.int32]]:
    """The distinct points from the flat number `start` on; a chunk may be smaller where some holes are inactive."""
    digits = space.digits()
    total = prod(digits)
    conditional = any(hole.conditions for hole in space.holes)
    for first in range(start, total, chunk):
        choices = unflatten(np.arange(first, min(first + chunk, total), dtype=np.int64), digits)
        if conditional:
            # A hole that is not there counts once: with its first option.
            choices = choices[~((choices > 0) & ~space.active(choices)).any(axis=1)]
        yield choices


def unflatten(numbers: NDArray[np.int64], digits: tuple[int, ...]) -> NDArray[np.int32]:
    """The choices that flat numbers stand for; the last hole changes fastest."""
    choices = np.empty((len(numbers), len(digits)), np.int32)
    rest = numbers
    for hole in range(len(digits) - 1, -1, -1):
        rest, choices[:, hole] = np.divmod(rest, digits[hole])
    return choices


def flat_numbers(choices: NDArray[np.int32], digits: tuple[int, ...]) -> NDArray[np.int64]:
    """One number for each choice; the same for equal choices, and of different ones different but by a rare chance.

    Without that chance where the space has fewer than 2^63 points; beyond, numbers wrap around.
    """
    numbers = np.zeros(len(choices), np.uint64)
    exact = prod(digits) < 2**63
    for hole, count in enumerate(digits):
        step = np.uint64(count) if exact else np.uint64(0x9E3779B97F4A7C15)
        numbers = numbers * step + choices[:, hole].astype(np.uint64)
        if not exact:
            numbers ^= numbers >> np.uint64(29)
    return numbers.view(np.int64)
