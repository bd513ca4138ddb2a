"""Every candidate passes here once: it is priced, held against the limits, counted, and kept if nobody beats it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hiera_search.accuracy import Estimator, Features, Scores
from hiera_search.explore.budgets import Limits
from hiera_search.explore.front import Floats, non_dominated
from hiera_search.explore.sizes import Sizes
from hiera_search.space import Space
from hiera_search.table import Columns, Table

if TYPE_CHECKING:
    from hiera_search.explore.kept import Kept

Choices = NDArray[np.int32]
CLOUD = 3000
"""Candidates that are kept at random for the picture."""

AXES: dict[str, Callable[[Columns], Floats]] = {
    "latency": lambda columns: columns.latency_ms,
    "macs": lambda columns: columns.macs.astype(np.float64),
    "params": lambda columns: columns.params.astype(np.float64),
    "memory": lambda columns: columns.memory.astype(np.float64),
}
"""What a front may set against the score."""


@dataclass(frozen=True)
class Judged:
    """Candidates with what is known of them; `violation` is the largest excess over a limit, infinite if refused."""

    choices: Choices
    columns: Columns
    scores: Scores
    cost: Floats
    violation: Floats

    @property
    def fits(self) -> NDArray[np.bool_]:
        """Which are lawful and within every limit."""
        return self.violation <= 0

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Judged:
        """Some of them."""
        positions = np.flatnonzero(which) if which.dtype == bool else which
        return Judged(
            self.choices[positions],
            self.columns.take(positions),
            self.scores.take(positions),
            self.cost[positions],
            self.violation[positions],
        )

    def and_(self, other: Judged) -> Judged:
        """Both, these first."""
        return Judged(
            np.concatenate([self.choices, other.choices]),
            self.columns.join(other.columns),
            self.scores.join(other.scores),
            np.concatenate([self.cost, other.cost]),
            np.concatenate([self.violation, other.violation]),
        )


class Sieve:
    """Judges candidates under fixed limits, and remembers the front, the counts and the nearest miss."""

    def __init__(
        self, space: Space, table: Table, estimator: Estimator, limits: Limits, axis: str, seed: int, kept: Kept
    ) -> None:
        self.space, self.table, self.estimator, self.limits = space, table, estimator, limits
        self.axis, self.kept = AXES[axis], kept
        self.sizes = Sizes(space)
        self.evaluated = self.lawful = self.fitting = 0
        self.refused: dict[str, int] = {}
        self.over: dict[str, int] = dict.fromkeys(limits.budgets.given(), 0)
        self.front: Judged | None = None
        self.nearest: Judged | None = None
        self.cloud: list[tuple[Floats, Floats]] = []
        self._random = np.random.default_rng(seed)

    def put(self, choices: Choices) -> Judged:
        """Price and judge candidates that have not been here before."""
        judged = self.judge(choices, self.table.price(choices))
        self._count(judged)
        self.kept.add(judged)
        return judged

    def again(self, choices: Choices, columns: Columns) -> Judged:
        """Judge candidates whose figures are known from an earlier search."""
        judged = self.judge(choices, columns)
        self._count(judged)
        return judged

    def judge(self, choices: Choices, columns: Columns) -> Judged:
        """What is known of candidates with these figures."""
        size = self.sizes.of(choices)
        scores = self.estimator.score(Features(columns.params, columns.macs, columns.capacity, size))
        over = self.limits.excess(columns, scores)
        violation = np.full(len(choices), -1.0)
        for excess in over.values():
            np.maximum(violation, excess, out=violation)
        violation[columns.refused != 0] = np.inf
        lawful = columns.refused == 0
        for name, excess in over.items():
            self.over[name] += int(np.count_nonzero((excess > 0) & lawful))
        return Judged(choices, columns, scores, self.axis(columns), violation)

    def _count(self, judged: Judged) -> None:
        self.evaluated += len(judged.choices)
        for number, count in enumerate(np.bincount(judged.columns.refused, minlength=1)):
            if number and count:
                code = self.table.codes[number]
                self.refused[code] = self.refused.get(code, 0) + int(count)
        lawful = judged.columns.refused == 0
        self.lawful += int(np.count_nonzero(lawful))
        fits = judged.fits
        self.fitting += int(np.count_nonzero(fits))
        self._sample(judged, lawful)
        if fits.any():
            self._keep(judged, fits)
        elif self.front is None and lawful.any():
            best = judged.take(np.array([int(np.argmin(judged.violation))]))
            if self.nearest is None or best.violation[0] < self.nearest.violation[0]:
                self.nearest = best

    def _keep(self, judged: Judged, fits: NDArray[np.bool_]) -> None:
        """Merge what fits into the front; most of it is beaten by the front so far, which is quick to see."""
        front = self.front
        if front is not None:
            place = np.searchsorted(front.cost, judged.cost, side="right") - 1
            beaten = np.where(place >= 0, front.scores.value[place], -np.inf)
            fits = fits & (judged.scores.value >= beaten)
        new = judged.take(fits)
        both = new if front is None else front.and_(new)
        self.front = both.take(non_dominated(both.cost, both.scores.value))

    def _sample(self, judged: Judged, lawful: NDArray[np.bool_]) -> None:
        """Latency and score of a few lawful candidates of every batch, for the picture."""
        found = np.flatnonzero(lawful)
        if len(found):
            some = self._random.choice(found, min(len(found), 200), replace=False)
            self.cloud.append((judged.columns.latency_ms[some], judged.scores.value[some]))
