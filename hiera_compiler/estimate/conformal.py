"""Intervals that hold what they promise: quantiles of the errors on held-out rows (split-conformal prediction)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, inf, sqrt

LEVEL = 0.9


def spread(log_errors: Iterable[float], level: float = LEVEL) -> float:
    """The half-width that covers a new row with this probability, if rows are exchangeable; infinite for too few."""
    sizes = sorted(abs(error) for error in log_errors)
    rank = ceil((len(sizes) + 1) * level)
    return sizes[rank - 1] if rank <= len(sizes) else inf


def ratio_spread(families: Iterable[Sequence[float]], level: float = LEVEL) -> float:
    """The half-width for the ratio of two rows of one family: what remains when their common error cancels."""
    deviations = []
    for errors in families:
        middle = sum(errors) / len(errors)
        deviations += [sqrt(2.0) * (error - middle) for error in errors if len(errors) > 1]
    return spread(deviations, level)


def coverage(families: dict[str, list[float]], level: float = LEVEL) -> tuple[int, int]:
    """How many held-out rows lie inside the interval that the other families' errors give, and of how many."""
    inside = count = 0
    for family, errors in families.items():
        width = spread((error for other, some in families.items() if other != family for error in some), level)
        inside += sum(abs(error) <= width for error in errors)
        count += len(errors)
    return inside, count
