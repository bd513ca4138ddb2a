"""NSGA-II over arrays, then a local search from its front: for spaces too large to enumerate.

K. Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm (2002), with constrained domination (section VI):
a candidate that fits beats one that does not, and of two that do not the one with the smaller excess wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiera_search.explore.enumeration import flat_numbers
from hiera_search.explore.front import crowding, ranks
from hiera_search.explore.sieve import Choices, Judged, Sieve
from hiera_search.space import Space

STEPS, ROUNDS = 100, 3
"""Steps in two holes from each member of the front, and rounds of them that may find nothing before the search ends."""


@dataclass(frozen=True)
class Effort:
    """How long to search: candidates at most, and generations without a new member of the front."""

    candidates: int = 400_000
    population: int = 400
    patience: int = 12


class Evolution:
    """A seeded search, from scratch or from what an earlier one judged; no candidate is judged twice."""

    def __init__(self, space: Space, sieve: Sieve, effort: Effort, seed: int, earlier: Judged | None = None) -> None:
        self.space, self.sieve, self.effort, self.earlier = space, sieve, effort, earlier
        self.random = np.random.default_rng(seed)
        self.digits = space.digits()
        self.options = np.array(self.digits, np.int64)
        # Numbers of options have neighbours; words have none.
        self.ordered = np.array([all(_is_number(option) for option in hole.options) for hole in space.holes])
        self.seen: set[int] = set()
        self.expanded: set[int] = set()
        if earlier is not None:
            self.seen.update(flat_numbers(earlier.choices, self.digits).tolist())

    def steps(self) -> Iterator[str]:
        """Search until nothing new is found or the effort is spent; each step says what it did."""
        population = self._start()
        yield "first candidates"
        idle = generation = 0
        while idle < self.effort.patience and self._left() > 0:
            before = self._front_size_and_best()
            children = self._judge(self._children(population))
            if children is not None:
                population = self._selected(population.and_(children))
            generation += 1
            idle = idle + 1 if self._front_size_and_best() == before else 0
            yield f"generation {generation}"
        yield from self._refine()

    def _refine(self) -> Iterator[str]:
        """Neighbours of the front, then steps in two holes at once, until neither finds anything new."""
        idle = 0
        while idle < ROUNDS and self._left() > 0:
            before = self._front_size_and_best()
            yield from self._local()
            front = self.sieve.front
            if front is None:
                return
            self._judge(self._two_steps(np.repeat(front.choices, STEPS, axis=0)))
            idle = idle + 1 if self._front_size_and_best() == before else 0
            yield "steps in two holes"

    def _two_steps(self, choices: Choices) -> Choices:
        """The choices with two holes each at another option."""
        rows = np.arange(len(choices))
        for _ in range(2):
            hole = self.random.integers(len(self.digits), size=len(choices))
            choices[rows, hole] = self.random.integers(self.options[hole])
        return choices

    def _local(self) -> Iterator[str]:
        """All neighbours of the front, until none of them joins it."""
        done = self.expanded
        while self.sieve.front is not None and self._left() > 0:
            numbers = flat_numbers(self.sieve.front.choices, self.digits).tolist()
            fresh = self.sieve.front.choices[[number not in done for number in numbers]]
            if not len(fresh):
                return
            done.update(numbers)
            for start in range(0, len(fresh), 64):
                self._judge(np.concatenate([self._neighbours(one) for one in fresh[start : start + 64]]))
            yield "neighbours of the front"

    def _neighbours(self, choice: NDArray[np.int32]) -> Choices:
        """Every choice that differs in one hole."""
        found = []
        for hole, count in enumerate(self.digits):
            others = np.repeat(choice[None], count, axis=0)
            others[:, hole] = np.arange(count)
            found.append(np.delete(others, choice[hole], axis=0))
        return np.concatenate(found) if found else choice[None]

    def _start(self) -> Judged:
        """What is known, and a random sample: few distinct blocks, each at many depths, since depth costs nothing."""
        size = 8 * self.effort.population
        sample = self._random_choices(size)
        free = self._free_of_blocks()
        settings = self._random_choices(64)[self.random.integers(64, size=size)]
        sample[:, ~free] = settings[:, ~free]
        first = self._judge(sample)
        if first is None or self.earlier is None:
            known = first or self.earlier
            assert known is not None, "without earlier candidates the first ones are new"
            return self._selected(known)
        return self._selected(self.earlier.and_(first))

    def _free_of_blocks(self) -> NDArray[np.bool_]:
        """Which holes decide nothing but depths."""
        shaping = {hole for stage in range(self.space.length(("stages",))) for hole in self._shaping(stage)}
        outside = {hole for key in self._keys() for hole in self.space.below((key,))}
        return np.array([hole not in shaping | outside for hole in range(len(self.digits))], bool)

    def _shaping(self, stage: int) -> tuple[int, ...]:
        return self.space.below(("stages", stage), without=("depth",))

    def _keys(self) -> list[str]:
        return [str(key) for key in self.space.source.data if key not in ("stages", "let", "name")]

    def _random_choices(self, count: int) -> Choices:
        return self.random.integers(self.options, size=(count, len(self.digits))).astype(np.int32)

    def _judge(self, choices: Choices) -> Judged | None:
        """Judge those that were not judged before; None where there are none."""
        choices = self.space.canonical(choices)
        new = []
        for place, number in enumerate(flat_numbers(choices, self.digits).tolist()):
            if number not in self.seen:
                self.seen.add(number)
                new.append(place)
        return self.sieve.put(choices[new]) if new else None

    def _left(self) -> int:
        return self.effort.candidates - self.sieve.evaluated

    def _front_size_and_best(self) -> tuple[int, float, float]:
        front = self.sieve.front
        if front is None:
            return 0, 0.0, 0.0
        return len(front.choices), float(front.scores.value.sum()), float(front.cost.sum())

    def _selected(self, judged: Judged) -> Judged:
        """The next population: by constrained domination, then the least crowded of a front."""
        order = _order(judged)
        return judged.take(order[: self.effort.population])

    def _children(self, population: Judged) -> Choices:
        """Winners of tournaments of two, crossed hole by hole, then mutated."""
        # The population is in order, so that the smaller of two positions has won.
        pairs = self.random.integers(len(population.choices), size=(2, 2, self.effort.population))
        mothers, fathers = pairs.min(axis=0)
        from_mother = self.random.random((len(mothers), len(self.digits))) < 0.5
        children = np.where(from_mother, population.choices[mothers], population.choices[fathers])
        return self._mutated(children)

    def _mutated(self, choices: Choices) -> Choices:
        """One or two holes of each changed: numbers half of the time by one step, everything else to any option."""
        changed = self.random.random(choices.shape) < 1.5 / max(1, len(self.digits))
        anything = self._random_choices(len(choices))
        step = np.clip(choices + self.random.choice((-1, 1), size=choices.shape), 0, self.options - 1)
        by_step = self.ordered & (self.random.random(choices.shape) < 0.5)
        return np.where(changed, np.where(by_step, step, anything), choices).astype(np.int32)


def _order(judged: Judged) -> NDArray[np.intp]:
    fits = judged.fits
    rank = np.zeros(len(judged.cost), np.intp)
    distance = np.zeros(len(judged.cost))
    if fits.any():
        rank[fits] = ranks(judged.cost[fits], judged.scores.value[fits])
        distance[fits] = crowding(judged.cost[fits], judged.scores.value[fits], rank[fits])
    violation = np.where(fits, 0.0, judged.violation)
    return np.lexsort((-distance, rank, violation))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
