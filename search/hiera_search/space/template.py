"""Templates: what a space says at each place, with its holes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from hiera_compiler.diagnostics import Span
from hiera_compiler.source.tree import Key, Node


@dataclass(frozen=True)
class Fixed:
    """A value without a hole in it."""

    node: Node


@dataclass(frozen=True)
class Fields:
    """A mapping; each key has its place and its value."""

    entries: dict[Key, tuple[Span, Template]]
    span: Span


@dataclass(frozen=True)
class Items:
    """A list."""

    items: tuple[Template, ...]
    span: Span


@dataclass(frozen=True)
class Options:
    """A hole: one of the options, which `position` of a choice picks."""

    position: int
    options: tuple[Template, ...]
    span: Span


@dataclass(frozen=True)
class Tie:
    """The value of a name."""

    name: str
    span: Span


@dataclass(frozen=True)
class Product:
    """The value of a name, times and over numbers or the values of names."""

    name: str
    times: Fraction | str
    over: Fraction | str
    decimal: bool  # whether one of the two was written with a decimal point
    span: Span


@dataclass(frozen=True)
class Cases:
    """What belongs to the value of a name; the keys are the values as words.

    Where one hole decides the name, `decider` is its position, and `indices` are its options for each case.
    """

    name: str
    cases: dict[str, Template]
    decider: int | None
    indices: dict[str, frozenset[int]]
    span: Span


Template: TypeAlias = Fixed | Fields | Items | Options | Tie | Product | Cases


def parts(template: Template) -> tuple[Template, ...]:
    """The templates inside a template; what it ties to is not inside it."""
    match template:
        case Fields():
            return tuple(inner for _, inner in template.entries.values())
        case Items():
            return template.items
        case Options():
            return template.options
        case Cases():
            return tuple(template.cases.values())
    return ()


def names_in(template: Template) -> tuple[str, ...]:
    """The names that a template itself ties to."""
    match template:
        case Tie() | Cases():
            return (template.name,)
        case Product():
            return tuple(dict.fromkeys(n for n in (template.name, template.times, template.over) if isinstance(n, str)))
    return ()


def walk(template: Template) -> Iterator[Template]:
    """A template and all that is inside it."""
    waiting = [template]
    while waiting:
        template = waiting.pop()
        yield template
        waiting.extend(reversed(parts(template)))


def support(template: Template, supports: Mapping[str, frozenset[int]]) -> frozenset[int]:
    """The positions of the holes that decide the value of a template, given those of each name."""
    found: set[int] = set()
    for inner in walk(template):
        if isinstance(inner, Options):
            found.add(inner.position)
        for name in names_in(inner):
            found |= supports[name]
    return frozenset(found)
