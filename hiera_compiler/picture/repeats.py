"""Sequences that recur: windows and shifted windows in Swin, windows and a global block in SAM 2."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True)
class Repeat:
    """The items from `start` to before `stop` come one after another, and that so many times."""

    start: int
    stop: int
    count: int


def repeated(items: tuple[Item, ...]) -> tuple[tuple[Item, ...], tuple[Repeat, ...]]:
    """The items with every sequence that recurs there once, and where those are.

    The last ones are looked at first: what is left over is at the start, beside the block that enters a stage.
    """
    kept: tuple[Item, ...] = ()
    from_the_end: list[tuple[int, int, int]] = []
    while items:
        length, count = _recurring(items)
        if count > 1:
            from_the_end.append((len(kept) + length, len(kept), count))
        kept = (*items[-length:], *kept)
        items = items[: -length * count]
    total = len(kept)
    return kept, tuple(Repeat(total - start, total - stop, count) for start, stop, count in reversed(from_the_end))


def _recurring(items: tuple[Item, ...]) -> tuple[int, int]:
    """The length of the shortest sequence that the items end in more than once, and how often; else of the last."""
    for length in range(2, len(items) // 2 + 1):
        last, count = items[-length:], 1
        while items[-length * (count + 1) : -length * count] == last:
            count += 1
        if count > 1:
            return length, count
    return 1, 1
