"""The form of every option, checked by filling the space with it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from hiera_compiler.diagnostics import Diagnostic, Span, SpecError
from hiera_compiler.source.tree import source_of
from hiera_compiler.spec import parse
from hiera_search.space import problems
from hiera_search.space.filling import Filling
from hiera_search.space.limits import MAX_FILLS, MAX_RANGE_CHECKED
from hiera_search.space.refusals import Refused
from hiera_search.space.space import Hole, Space
from hiera_search.space.template import Cases, Product, Template


def form_problems(space: Space) -> list[Diagnostic]:
    """What is wrong with the form of the spec and of any option, each at its place in the space.

    A number that a tie works out depends on several holes. It is a problem only where it comes out right for none of
    the choices that are tried; else it refuses single candidates.
    """
    found: dict[Diagnostic, None] = {}
    ties: dict[Span, Diagnostic | None] = {}
    for choice in islice(_covering(space.holes), MAX_FILLS):
        filling = _Lenient(space, choice)
        wrong = {problem.labels[0].span: problem for problem in reversed(filling.problems())}
        found |= {problem: None for span, problem in wrong.items() if span not in filling.ties}
        for span, refused in filling.ties.items():
            problem = problems.not_worked_out(span, refused.message) if refused else wrong.get(span)
            ties[span] = problem and ties.get(span, problem)
    return [*found, *(problem for problem in ties.values() if problem is not None)]


class _Lenient(Filling):
    """A filling that goes on where a tie does not come out, and keeps why, by place."""

    def __init__(self, space: Space, choice: list[int]) -> None:
        super().__init__(space.names, choice)
        self.root = space.root
        self.ties: dict[Span, Refused | None] = {}

    def problems(self) -> list[Diagnostic]:
        try:
            parse(source_of(self.node(self.root)))
        except SpecError as error:
            return list(error.diagnostics)
        return []

    def product(self, template: Product) -> int | float:
        self.ties[template.span] = None
        try:
            return super().product(template)
        except Refused as refused:
            self.ties[template.span] = refused
            return 1

    def case(self, template: Cases) -> Template:
        try:
            return super().case(template)
        except Refused:
            return next(iter(template.cases.values()))


def _covering(holes: tuple[Hole, ...]) -> Iterator[list[int]]:
    """Choices that have every option to be checked at least once, many at a time; one where there is no hole."""
    if not holes:
        yield []
    left = [_checked(hole) for hole in holes]
    # Conditions include those of the holes that they name, so that a hole has more of them than those have.
    ordered = sorted(range(len(holes)), key=lambda position: len(holes[position].conditions))
    for first in reversed(ordered):
        while left[first]:
            choice = _one_with(first, left, holes)
            for position in ordered:
                hole = holes[position]
                if choice[position] < 0:
                    choice[position] = next(iter(left[position]), 0) if _exists(hole, choice) else 0
                if _exists(hole, choice):
                    left[position].pop(choice[position], None)
            yield choice


def _one_with(first: int, left: list[dict[int, None]], holes: tuple[Hole, ...]) -> list[int]:
    """A choice with an option of one hole that is left, and with what that needs; -1 where all is open."""
    choice = [-1] * len(holes)
    choice[first] = next(iter(left[first]))
    for position, allowed in holes[first].conditions:
        choice[position] = next((index for index in left[position] if index in allowed), min(allowed))
    return choice


def _exists(hole: Hole, choice: list[int]) -> bool:
    return all(choice[position] in allowed for position, allowed in hole.conditions)


def _checked(hole: Hole) -> dict[int, None]:
    """The options that are checked: of many numbers, both ends. None of a hole that no choice has."""
    if not all(allowed for _, allowed in hole.conditions):
        return {}
    count = len(hole.options)
    is_long = count > MAX_RANGE_CHECKED and all(isinstance(option, int | float) for option in hole.options)
    return dict.fromkeys((0, count - 1) if is_long else range(count))
