"""The candidates that a page shows: which have details, and which of them are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hiera_search.report.form import Candidate, Front
from hiera_search.report.limits import time_limits

FAR = 2.0
"""Published models are drawn up to this many times as slow as the slowest of the others."""

Kind = Literal["front", "tie", "published", "nearest"]

KINDS: dict[Kind, str] = {
    "front": "on the front",
    "tie": "ties with the front",
    "published": "published Hiera",
    "nearest": "nearest to the budget",
}
"""What a mark of each kind stands for."""


@dataclass(frozen=True)
class Listed:
    """A candidate with the anchor of its details."""

    anchor: str
    kind: Kind
    candidate: Candidate


def listed(front: Front) -> list[Listed]:
    """Every candidate that has details, in the order of the page."""
    groups: list[tuple[Kind, Sequence[Candidate]]] = [
        ("nearest", [front.impossible.nearest] if front.impossible and front.impossible.nearest else []),
        ("front", front.front),
        ("tie", front.ties),
        ("published", front.published),
    ]
    pairs = [(kind, one) for kind, several in groups for one in several]
    return [Listed(f"candidate-{number}", kind, one) for number, (kind, one) in enumerate(pairs, 1)]


def near_enough(front: Front, shown: Sequence[Listed]) -> list[Listed]:
    """The candidates that are drawn: published models far slower or faster would press all others into a corner."""
    own = [one.candidate for one in shown if one.kind != "published"]
    times = [time for one in own for time in (one.latency_low, one.latency_high)] + time_limits(front)
    if not own:
        return list(shown)
    low, high = min(times) / FAR, max(times) * FAR
    return [one for one in shown if one.kind != "published" or low <= one.candidate.latency_ms <= high]
