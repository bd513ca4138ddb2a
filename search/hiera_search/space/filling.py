"""Filling: a template and one option for each of its holes → the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from hiera_compiler.source.tree import Entry, Key, Node, Path
from hiera_search.space import refusals
from hiera_search.space.numbers import exact, written
from hiera_search.space.template import Cases, Fields, Fixed, Items, Options, Product, Template, Tie

Choice: TypeAlias = Sequence[int] | Mapping[int, int]


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
"""The value at a place that a choice does not have."""

_LARGEST = 10**18


class Filling:
    """The values of templates under one choice: of each hole, by its position, the index of an option."""

    def __init__(self, names: Mapping[str, Template], choice: Choice) -> None:
        self.names = names
        self.choice = choice

    def head(self, template: Template) -> Template:
        """What a template comes to: never a hole, a plain tie or cases. Raises Refused."""
        while True:
            match template:
                case Options():
                    template = template.options[self.choice[template.position]]
                case Tie():
                    template = self.names[template.name]
                case Cases():
                    template = self.case(template)
                case _:
                    return template

    def case(self, template: Cases) -> Template:
        """The case that the value of the name has."""
        word = word_of(self.node(self.names[template.name]).value)
        if word is None or word not in template.cases:
            raise refusals.no_case(template.name, word, list(template.cases))
        return template.cases[word]

    def node(self, template: Template) -> Node:
        """The values at a template, each with its place; a number worked out has the place of its tie."""
        template = self.head(template)
        match template:
            case Fixed():
                return template.node
            case Fields():
                entries: dict[Key, Entry] = {
                    key: Entry(span, self.node(inner)) for key, (span, inner) in template.entries.items()
                }
                return Node(entries, template.span)
            case Items():
                return Node([self.node(item) for item in template.items], template.span)
            case Product():
                return Node(self.product(template), template.span)
        raise AssertionError(template)

    def product(self, template: Product) -> int | float:
        """The number that a tie comes to, worked out exactly.

        Whole numbers make a whole number, or the candidate is refused; where one of them is written as a decimal,
        the result may be one.
        """
        value, decimal = self.number(template.name)
        times, times_decimal = self.number(template.times)
        over, over_decimal = self.number(template.over)
        if over == 0:
            raise refusals.by_zero(template)
        result = value * times / over
        if abs(result) > _LARGEST or result.denominator > _LARGEST:
            raise refusals.too_large(template)
        if result.denominator == 1 or decimal or times_decimal or over_decimal or template.decimal:
            return written(result)
        raise refusals.not_whole(template, value * times, over)

    def number(self, operand: Fraction | str) -> tuple[Fraction, bool]:
        """An operand of a tie, and whether it is the value of a name that has a decimal point."""
        if isinstance(operand, Fraction):
            return operand, False
        value = self.node(self.names[operand]).value
        number = exact(value)
        if number is None:
            raise refusals.not_a_number(operand)
        if abs(number) > _LARGEST or number.denominator > _LARGEST:
            raise refusals.operand_too_large(operand)
        return number, isinstance(value, float)

    def at(self, template: Template, path: Path) -> Template | None:
        """What stands at a path below a template, or None where this choice has no such key or item."""
        for part in path:
            template = self.head(template)
            inner = step(template, part)
            if inner is None:
                return None
            template = inner
        return template


def step(template: Template, part: str | int) -> Template | None:
    """What is under one key, or is one item, of a template that is no hole and no tie."""
    if isinstance(template, Fields):
        entry = template.entries.get(part)
        return entry[1] if entry is not None else None
    if isinstance(template, Items):
        return template.items[part] if isinstance(part, int) and 0 <= part < len(template.items) else None
    if isinstance(template, Fixed):
        value = template.node.value
        if isinstance(value, dict):
            return Fixed(value[part].node) if part in value else None
        if isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value):
            return Fixed(value[part])
    return None


def word_of(value: object) -> str | None:
    """A scalar as it is written as the key of a case; none for lists and mappings."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
    return None


def plain(node: Node) -> Any:
    """The values of a tree without their places."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(entry.node) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
