"""Candidates that nobody beats: at least as good in both figures, and better in one."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]


def non_dominated(cost: Floats, score: Floats) -> Positions:
    """Positions, by rising cost, of the candidates that no other beats; those of equal figures do not beat each other.

    Costs are better when lower, scores when higher.
    """
    if not len(cost):
        return np.zeros(0, np.intp)
    order = np.lexsort((-score, cost))
    cost, score = cost[order], score[order]
    starts = np.flatnonzero(np.r_[True, cost[1:] != cost[:-1]])
    best = score[starts]  # the highest score comes first within a cost
    cheaper = np.maximum.accumulate(np.r_[-np.inf, best])[:-1]
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(cost)]))
    kept: Positions = order[(score == best[group]) & (best > cheaper)[group]]
    return kept


def ranks(cost: Floats, score: Floats) -> Positions:
    """The front that each candidate is on: 0 is not dominated, 1 is once those of 0 are gone, and so on."""
    found = np.zeros(len(cost), np.intp)
    negated: list[float] = []  # of each front the best score so far, negated: rises from front to front
    before: tuple[float, float] | None = None
    rank = 0
    for position in np.lexsort((-score, cost)):
        figures = float(cost[position]), float(score[position])
        if figures != before:
            rank = bisect_right(negated, -figures[1])
            negated[rank : rank + 1] = [-figures[1]]
            before = figures
        found[position] = rank
    return found


def crowding(cost: Floats, score: Floats, rank: Positions) -> Floats:
    """How far apart a candidate's neighbours on its front are; infinite at the ends (NSGA-II, section III B)."""
    distance = np.zeros(len(cost))
    for values in (cost, score):
        order = np.lexsort((values, rank))
        along, front = values[order], rank[order]
        spread = max(float(np.ptp(values)), 1e-300)
        inner = np.full(len(order), np.inf)
        same = (front[2:] == front[1:-1]) & (front[1:-1] == front[:-2])
        inner[1:-1][same] = (along[2:] - along[:-2])[same] / spread
        distance[order] += inner
    return distance


def distinct(score: Floats, resolution: float) -> NDArray[np.bool_]:
    """Which members of a front, given by rising cost, are better than the last one chosen by more than noise.

    Where two candidates differ by no more than the resolution they are a tie, and the cheaper wins.
    """
    chosen = np.zeros(len(score), bool)
    reached = -np.inf
    for position, value in enumerate(score):
        if value > reached + resolution:
            chosen[position] = True
            reached = value
    return chosen
