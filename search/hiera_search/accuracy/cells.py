"""A line of CSV text → cells that know their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hiera_compiler.diagnostics import Span, SpecError, Text
from hiera_search.accuracy import problems

_CELL = re.compile(r'[ \t]*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^,"]*))[ \t]*(?=,|$)')


@dataclass(frozen=True)
class Cell:
    """The text of a cell, without quotes, and its place."""

    text: str
    span: Span


def written_lines(text: Text) -> list[int]:
    """The numbers of the lines that are neither empty nor comments, which start with #."""
    return [
        number for number, line in enumerate(text.lines, start=1) if line.strip() and not line.lstrip().startswith("#")
    ]


def cells_of(text: Text, number: int) -> list[Cell]:
    """The cells of a line, which commas separate; a cell in double quotes may hold commas, and ends on its line.

    Raises SpecError at a quote that is not closed or has text beside it.
    """
    return list(_cells(text, number, text.lines[number - 1]))


def _cells(text: Text, number: int, line: str) -> Iterator[Cell]:
    start = 0
    while True:
        found = _CELL.match(line, start)
        if found is None:
            quote = line.index('"', start)
            raise SpecError(problems.open_quote(Span(text, number, quote + 1, number, len(line) + 1)))
        quoted = found["quoted"]
        value = found["bare"] if quoted is None else quoted.replace('""', '"')
        written = line[start : found.end()]
        first = start + 1 + (len(written) - len(written.lstrip()) if written.strip() else 0)
        yield Cell(value.strip(), Span(text, number, first, number, first + len(written.strip())))
        if found.end() == len(line):
            return
        start = found.end() + 1
