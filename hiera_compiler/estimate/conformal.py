"""Intervals that hold what they promise: quantiles of the errors on held-out rows (split-conformal prediction)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import ceil, inf

LEVEL = 0.9


def spread(log_errors: Iterable[float], level: float = LEVEL) -> float:
    """The half-width that covers a new row with this probability, if rows are exchangeable; infinite for too few."""
    sizes = sorted(abs(error) for error in log_errors)
    rank = ceil((len(sizes) + 1) * level)
    return sizes[rank - 1] if rank <= len(sizes) else inf


def ratio_spread(groups: Iterable[Sequence[float]], level: float = LEVEL) -> float:
    """The half-width for the ratio of two rows of one group: what remains when their common error cancels.

    A group has the log errors of rows of one family and one implementation, measured on one machine.
    """
    return spread(_ratios(groups), level)


def _ratios(groups: Iterable[Sequence[float]]) -> list[float]:
    """The log errors of the ratios of every two rows of one group."""
    return [one - other for errors in groups for one, other in combinations(errors, 2)]


def coverage(families: dict[str, list[float]], level: float = LEVEL) -> tuple[int, int]:
    """How many held-out rows lie inside the interval that the other families' errors give, and of how many."""
    inside = count = 0
    for family, errors in families.items():
        width = spread((error for other, some in families.items() if other != family for error in some), level)
        inside += sum(abs(error) <= width for error in errors)
        count += len(errors)
    return inside, count


def ratio_coverage(families: Mapping[str, Sequence[Sequence[float]]], level: float = LEVEL) -> tuple[int, int]:
    """How many held-out ratios lie inside the interval that the other families' groups give, and of how many."""
    inside = count = 0
    for family, groups in families.items():
        width = ratio_spread((errors for other, some in families.items() if other != family for errors in some), level)
        inside += sum(abs(error) <= width for error in _ratios(groups))
        count += len(_ratios(groups))
    return inside, count
