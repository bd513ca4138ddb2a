"""Numbers as they are written: 0.1 is a tenth, and what comes out whole is a whole number."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.source.tree import Node
from hiera_search.space import problems
from hiera_search.space.limits import MAX_OPTIONS


def exact(value: object) -> Fraction | None:
    """The exact value of a number; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return Fraction(repr(value))


def written(value: Fraction) -> int | float:
    """A number as a spec has it."""
    return int(value) if value.denominator == 1 else float(value)


@dataclass(frozen=True)
class Range:
    """Numbers at equal steps."""

    lowest: Fraction
    step: Fraction
    count: int

    def numbers(self) -> list[int | float]:
        """The numbers, each worked out exactly."""
        return [written(self.lowest + index * self.step) for index in range(self.count)]


def range_of(node: Node) -> Range:
    """The range `[lowest, highest, step]`. Raises SpecError for what is none, or is too long."""
    bounds = [exact(item.value) for item in node.value] if isinstance(node.value, list) else []
    numbers = [bound for bound in bounds if bound is not None]
    if not isinstance(node.value, list) or len(numbers) < len(bounds) or len(numbers) not in (2, 3):
        raise SpecError(problems.range_form(node.span, "a range has two or three numbers"))
    lowest, highest, step = (*numbers, Fraction(1))[:3]
    if step <= 0:
        raise SpecError(problems.range_form(node.value[2].span, "the step of a range is more than zero"))
    if highest < lowest:
        found = f"the range starts at {written(lowest)} and ends below, at {written(highest)}"
        raise SpecError(problems.range_form(node.span, found))
    count = int((highest - lowest) / step) + 1
    if count > MAX_OPTIONS:
        raise SpecError(problems.too_many_options(node.span, count))
    return Range(lowest, step, count)
