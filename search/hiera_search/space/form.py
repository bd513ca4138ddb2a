"""The form of every option, checked by filling the space with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from math import prod

from hiera_compiler.diagnostics import Diagnostic, Span, SpecError
from hiera_compiler.source.limits import MAX_PROBLEMS
from hiera_compiler.source.tree import Node, source_of
from hiera_compiler.spec import parse
from hiera_search.space import problems
from hiera_search.space.filling import Filling
from hiera_search.space.limits import MAX_FILLED, MAX_RANGE_CHECKED, MAX_TRIED
from hiera_search.space.refusals import Refused
from hiera_search.space.space import Hole, Space
from hiera_search.space.template import Cases, Fixed, Product, Template, support


def form_problems(space: Space) -> list[Diagnostic]:
    """What is wrong with the form of the spec and of any option, each at its place in the space.

    A number that a tie works out depends on several holes. It is a problem only where it never comes out right; else
    it refuses single candidates.
    """
    found: dict[Diagnostic, None] = {}
    settled: set[Span] = set()
    doubtful: dict[Span, tuple[Diagnostic, _Trial]] = {}
    trials = _Trials(space)
    for trial in trials.of(_covering(space.holes)):
        found |= {problem: None for span, problem in trial.wrong.items() if span not in trial.ties}
        settled |= {span for span in trial.ties if trial.problem(span) is None}
        for span in trial.ties:
            problem = trial.problem(span)
            if problem is not None:
                doubtful.setdefault(span, (problem, trial))
    unsettled = (span for span in doubtful if span not in settled)
    for span in islice(unsettled, MAX_PROBLEMS):
        problem, trial = doubtful[span]
        if _never_right(span, trial, trials):
            found[problem] = None
    return list(found)


def _never_right(span: Span, trial: _Trial, trials: _Trials) -> bool:
    """Whether a tie is wrong for all options of the holes that decide it, as far as all of them can be tried."""
    space = trials.space
    deciding = sorted(support(trial.ties[span][0], space.supports))
    options = [range(len(space.holes[position].options)) for position in deciding]
    if prod(map(len, options)) > MAX_TRIED:
        return False
    others = (dict(zip(deciding, picked, strict=True)) for picked in product(*options))
    choices = ([other.get(position, index) for position, index in enumerate(trial.choice)] for other in others)
    right = any(span in other.ties and other.problem(span) is None for other in trials.of(choices))
    return not right and trials.left > 0


class _Trial(Filling):
    """A filling that goes on where a tie does not come out; it keeps the ties and what is wrong, by place."""

    def __init__(self, space: Space, choice: Sequence[int]) -> None:
        super().__init__(space.names, choice)
        self.choice = choice
        self.ties: dict[Span, tuple[Product, Refused | None]] = {}
        source = source_of(self.node(space.root))
        self.size = len(source.places)
        self.wrong: dict[Span, Diagnostic] = {}
        try:
            parse(source)
        except SpecError as error:
            self.wrong = {problem.labels[0].span: problem for problem in reversed(error.diagnostics)}

    def problem(self, tie: Span) -> Diagnostic | None:
        """What is wrong with a tie."""
        _, refused = self.ties[tie]
        return problems.not_worked_out(tie, refused.message) if refused else self.wrong.get(tie)

    def product(self, template: Product) -> int | float:
        try:
            self.ties[template.span] = template, None
            return super().product(template)
        except Refused as refused:
            self.ties[template.span] = template, refused
            return 1

    def case(self, template: Cases) -> Template:
        try:
            return super().case(template)
        except Refused:
            return next(iter(template.cases.values()), Fixed(Node(None, template.span)))


class _Trials:
    """Makes trials as long as these have not had too many values in all."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.left = MAX_FILLED

    def of(self, choices: Iterable[Sequence[int]]) -> Iterator[_Trial]:
        for choice in choices:
            if self.left <= 0:
                return
            trial = _Trial(self.space, choice)
            self.left -= trial.size
            yield trial


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
