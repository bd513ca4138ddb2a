"""Which holes exist under which options of others, and how many points that makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from math import prod
from typing import TypeAlias

from hiera_search.space.limits import MAX_COMPONENTS
from hiera_search.space.template import Cases, Options, Template, names_in, parts, walk

Conditions: TypeAlias = Mapping[int, frozenset[int]]
"""The options that each of some holes must have, by position."""


def conditions_of(root: Template, names: Mapping[str, Template], sizes: Sequence[int]) -> list[Conditions]:
    """For each hole, the options of others under which it exists; they include those under which the others do.

    A hole inside an option or a case exists with it. A hole of a name exists where the name may be used: where
    several places use it, these may have no common condition, and then it always exists.
    """
    found: list[Conditions] = [{} for _ in sizes]
    uses: dict[str, Conditions] = {}

    def visit(template: Template, given: Conditions) -> None:
        for name in names_in(template):
            uses[name] = either(uses[name], given) if name in uses else given
        if isinstance(template, Options):
            found[template.position] = {hole: options for hole, options in given.items() if len(options) < sizes[hole]}
            for index, option in enumerate(template.options):
                visit(option, both(given, template.position, frozenset((index,))))
        elif isinstance(template, Cases) and template.decider is not None:
            for word, case in template.cases.items():
                visit(case, both(given, template.decider, template.indices[word]))
        else:
            for part in parts(template):
                visit(part, given)

    visit(root, {})
    for name in users_first(names):
        if name in uses:  # else it only decided a case when the space was read
            visit(names[name], uses[name])
    return found


def both(given: Conditions, hole: int, options: frozenset[int]) -> Conditions:
    """The conditions, and one more."""
    return {**given, hole: given.get(hole, options) & options}


def either(one: Conditions, other: Conditions) -> Conditions:
    """What holds wherever one or the other does."""
    return {hole: one[hole] | other[hole] for hole in one if hole in other}


def users_first(names: Mapping[str, Template]) -> Iterable[str]:
    """The names, each before those that it ties to."""
    tied = {name: {other for inner in walk(body) for other in names_in(inner)} for name, body in names.items()}
    return reversed(list(TopologicalSorter(tied).static_order()))


class TooEntangledError(Exception):
    """Holes that depend on each other in too many ways to be counted."""


def count(sizes: Sequence[int], conditions: Sequence[Conditions]) -> int:
    """The number of distinct assignments, a hole that does not exist counted once; raises TooEntangledError.

    Groups of holes without a condition between them multiply. In a group, the options of a hole that others depend
    on are gone through, those that let the same holes exist together; what is left falls into groups again.
    """
    known: dict[frozenset[int], int] = {}

    def points(live: frozenset[int]) -> int:
        return prod(group(part) for part in _groups(live, conditions))

    def group(live: frozenset[int]) -> int:
        if live not in known:
            if len(known) >= MAX_COMPONENTS:
                raise TooEntangledError
            known[live] = _branched(live)
        return known[live]

    def _branched(live: frozenset[int]) -> int:
        if len(live) == 1:
            return sizes[next(iter(live))]
        # One that has no condition on a live hole; conditions follow the nesting, so that there is one.
        first = min(live, key=lambda hole: (len(conditions[hole].keys() & live), hole))
        dependent = [hole for hole in live if first in conditions[hole]]
        rest = live - {first}
        total = 0
        for gone, options in _alike(first, sizes[first], dependent, conditions).items():
            total += options * points(rest - gone)
        return total

    return points(frozenset(range(len(sizes))))


def _alike(
    hole: int, size: int, dependent: Sequence[int], conditions: Sequence[Conditions]
) -> dict[frozenset[int], int]:
    """How many options of a hole leave the same dependent holes without their condition."""
    found: dict[frozenset[int], int] = {}
    for index in range(size):
        gone = frozenset(other for other in dependent if index not in conditions[other][hole])
        found[gone] = found.get(gone, 0) + 1
    return found


def _groups(live: frozenset[int], conditions: Sequence[Conditions]) -> list[frozenset[int]]:
    """The live holes in groups without a condition between them."""
    near: dict[int, set[int]] = {hole: set() for hole in live}
    for hole in live:
        for other in conditions[hole].keys() & live:
            near[hole].add(other)
            near[other].add(hole)
    groups: list[frozenset[int]] = []
    left = set(live)
    while left:
        waiting, found = [left.pop()], set[int]()
        while waiting:
            hole = waiting.pop()
            found.add(hole)
            new = near[hole] & left
            left -= new
            waiting.extend(new)
        groups.append(frozenset(found))
    return groups
