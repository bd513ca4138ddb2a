"""Limits that are places in a drawing of scores over times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hiera_search.report.axis import Axis
from hiera_search.report.form import Front


@dataclass(frozen=True)
class Line:
    """A budget: a line upright or across at a pixel, how far the shade behind it reaches, and its text."""

    upright: bool
    at: float
    extent: float
    label: str
    label_x: float
    label_y: float
    anchor: str


def time_limits(front: Front) -> list[float]:
    """Limits that are limits of a batch's time, in ms."""
    found = [front.budgets["latency_ms"]] if "latency_ms" in front.budgets else []
    rate = front.budgets.get("min_throughput", 0.0)
    return found + ([1000.0 * front.regime.batch / rate] if rate > 1e-12 else [])


def limit_lines(front: Front, x: Axis, y: Axis) -> Iterator[Line]:
    """The limits that are places on an axis; their texts stand one below the other."""
    for row, limit in enumerate(time_limits(front)):
        at = x.at(limit)
        is_right = at > (x.start + x.end) / 2
        name = "budget" if row == 0 and "latency_ms" in front.budgets else "least throughput"
        text = f"{name} {limit:.4g} ms"
        # Above the frame, where nothing else is drawn.
        yield Line(True, at, x.end - at, text, at, y.end - 8 - 16 * row, "end" if is_right else "start")
    if "min_accuracy" in front.budgets:
        limit = front.budgets["min_accuracy"]
        at = y.at(limit)
        yield Line(False, at, y.start - at, f"at least {limit:g}", x.end - 8, at + 16, "end")
