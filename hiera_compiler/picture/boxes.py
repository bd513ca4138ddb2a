"""The boxes of a block's steps: which are drawn, in which order, and what they are for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from hiera_compiler.ir import Add, Attend, ToUnits
from hiera_compiler.ir.blocks import Step
from hiera_compiler.picture.labels import Part, is_drawn, part

_GATHERED = ("queries", "keys", "values")
_ALIKE = ("keys", "values")


def boxes(steps: Sequence[Step]) -> tuple[Part, ...]:
    """The boxes of steps that follow each other, in order.

    What depends on no input, such as a table of relative positions, comes before what it is added to. What is for
    queries, keys or values only says so in its first box; what happens to keys and values alike is drawn once.
    """
    drawn = [step for step in _in_order(steps) if is_drawn(step.op)]
    runs = [(role, [_box(step, steps) for step in run]) for role, run in groupby(drawn, lambda at: _role(at, steps))]
    found: list[Part] = []
    for index, (role, run) in enumerate(runs):
        following = runs[index + 1] if index + 1 < len(runs) else None
        if (role, following) == (_ALIKE[0], (_ALIKE[1], run)):
            continue
        if index and (role, runs[index - 1]) == (_ALIKE[1], (_ALIKE[0], run)):
            role = " and ".join(_ALIKE)
        found += [_for(role, run[0]), *run[1:]]
    return tuple(found)


def _for(role: str, box: Part) -> Part:
    brief = None if box.brief is None else f"{role} {box.brief}".strip()
    return replace(box, detail=f"{role} {box.detail}".strip(), brief=brief)


def needed(names: Collection[str], steps: Sequence[Step]) -> set[str]:
    """The steps that values depend on, their own included."""
    found = set(names)
    for step in reversed(steps):
        if step.name in found:
            found.update(step.inputs)
    return found & {step.name for step in steps}


def _in_order(steps: Sequence[Step]) -> Iterator[Step]:
    fixed: set[str] = set()
    for step in steps:
        if fixed.issuperset(step.inputs):
            fixed.add(step.name)
    for step in steps:
        if step.name not in fixed:
            tables = needed(fixed.intersection(step.inputs), steps)
            yield from (table for table in steps if table.name in tables and not isinstance(table.op, Add))
            yield step


def _box(step: Step, steps: Sequence[Step]) -> Part:
    """The box of a step, without what it is for."""
    drawn = part(step.op)
    if any(isinstance(other.op, ToUnits) for other in steps):
        drawn = replace(drawn, word=drawn.word.replace("mask unit", "window"))
    if isinstance(step.op, ToUnits) and step.op.layout.is_raster:
        drawn = replace(drawn, word="windows", detail=f"1 of {drawn.detail}")  # in a block: the whole grid is one
    if isinstance(step.op, Add):
        terms = (_role(other, steps) for other in steps if other.name in step.inputs)
        return replace(drawn, detail=next((term for term in terms if term), ""))
    return drawn


def _role(step: Step, steps: Sequence[Step]) -> str:
    """Which of attention's inputs a step works for, where it is one only."""
    reached: set[str] = {step.name}
    places: set[int] = set()
    for later in steps:
        if isinstance(later.op, Attend):
            places.update(place for place, name in enumerate(later.inputs[: len(_GATHERED)]) if name in reached)
        elif reached.intersection(later.inputs):
            reached.add(later.name)
    return _GATHERED[places.pop()] if len(places) == 1 else ""
