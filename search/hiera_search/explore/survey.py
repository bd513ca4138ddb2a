"""What a space holds, before it is searched: how much of it is lawful, what it costs, and what fits the budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hiera_search.explore import enumeration
from hiera_search.explore.search import Progress, Search

if TYPE_CHECKING:
    from hiera_search.explore.sieve import Judged
    from hiera_search.space import Space

SAMPLE = 10_000
"""Points that are drawn from a space too large to go through: shares are then known to a percent."""
_LEAST_ACCEPTED = 1 / 64

Figures = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """The least, the median and the most of a cost over the lawful candidates."""

    least: float
    median: float
    most: float


@dataclass(frozen=True)
class Survey:
    """Counts of candidates and spreads of their costs; of every point where ``exact``, else of points drawn at random.

    `refused` is by the code of the first rule that refuses; `over` counts the lawful candidates that exceed a limit,
    by its name in ``Budgets``, and `fitting` those that exceed none. Costs, none where nothing is lawful, are
    parameters, multiply-accumulates and operations of one sample, bytes of weights and peak activations of a batch,
    the score, and milliseconds of a batch.
    """

    exact: bool
    seen: int
    lawful: int
    fitting: int
    refused: dict[str, int]
    over: dict[str, int]
    costs: dict[str, Spread]


def survey(search: Search, sample: int | None = None, progress: Progress = lambda *_: None) -> Survey:
    """Go through every point of a search's space, or through some drawn with its seed: as many as `sample` says."""
    space, sieve = search.space, search.sieve
    exact = search.can_be_exact
    sample = sample or SAMPLE
    total = space.points if exact else sample
    chunks = enumeration.all_choices(space) if exact else drawn(space, sample, search.request.seed)
    tally = _Tally()
    for choices in chunks:
        if len(choices):
            tally.add(sieve.judge(choices, search.table.price(choices)))
        progress("every point" if exact else "points drawn at random", tally.seen, total)
    codes = search.table.codes
    refused = {codes[number]: int(count) for number, count in enumerate(tally.refused) if number and count}
    return Survey(exact, tally.seen, tally.lawful, tally.fitting, refused, dict(sieve.over), tally.spreads())


def drawn(space: Space, count: int, seed: int, chunk: int = 1 << 13) -> Iterator[NDArray[np.int32]]:
    """Points drawn at random with a seed, in chunks; each point is as likely as any other.

    But for spaces in which nearly all holes depend on others: there, points with fewer holes are likelier.
    """
    random = np.random.default_rng(seed)
    options = np.array(space.digits(), np.int64)
    uniform = space.points / prod(space.digits()) > _LEAST_ACCEPTED
    while count > 0:
        choices = random.integers(options, size=(chunk, len(options))).astype(np.int32)
        canonical = space.canonical(choices)
        if uniform:
            # A point is drawn once for each choice of the holes that it does not have: one of those counts.
            canonical = choices[(choices == canonical).all(axis=1)]
        yield canonical[:count]
        count -= len(canonical)


class _Tally:
    """Counts, and the costs of every lawful candidate."""

    def __init__(self) -> None:
        self.seen = self.lawful = self.fitting = 0
        self.refused: NDArray[np.int64] = np.zeros(0, np.int64)
        self.costs: dict[str, list[Figures]] = {}

    def add(self, judged: Judged) -> None:
        columns = judged.columns
        self.seen += len(judged.choices)
        self.fitting += int(np.count_nonzero(judged.fits))
        counts = np.bincount(columns.refused, minlength=len(self.refused)).astype(np.int64)
        counts[: len(self.refused)] += self.refused
        self.refused = counts
        lawful = np.flatnonzero(columns.refused == 0)
        self.lawful += len(lawful)
        figures: dict[str, Figures] = {
            "params": columns.params,
            "macs": columns.macs,
            "flops": columns.flops,
            "memory": columns.memory,
            "latency_ms": columns.latency_ms,
            "score": judged.scores.value,
        }
        for name, values in figures.items():
            self.costs.setdefault(name, []).append(values[lawful])

    def spreads(self) -> dict[str, Spread]:
        """The spread of each cost."""
        if not self.lawful:
            return {}
        joined = {name: np.concatenate(parts) for name, parts in self.costs.items()}
        return {
            name: Spread(values.min().item(), float(np.median(values)), values.max().item())
            for name, values in joined.items()
        }
