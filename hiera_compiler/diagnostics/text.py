"""Diagnostics for people: the source line, a caret under the place, and what to do."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from hiera_compiler.diagnostics.cells import cell, printable
from hiera_compiler.diagnostics.model import Diagnostic, Label, Span, Text

_WIDTH = 160
_BEFORE = 60
_RED, _YELLOW, _BLUE, _BOLD, _RESET = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"


def as_text(diagnostics: Sequence[Diagnostic], color: bool) -> str:
    """The diagnostics one below the other, and how many there are when there are several."""
    shown = ["\n".join(_Painter(diagnostic, color).lines()) for diagnostic in diagnostics]
    if len(diagnostics) > 1:
        shown.append(_summary(diagnostics))
    return "\n\n".join(shown)


def _summary(diagnostics: Sequence[Diagnostic]) -> str:
    counts = {name: sum(d.severity == name for d in diagnostics) for name in ("error", "warning")}
    return ", ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items() if n)


class _Painter:
    """The lines of one diagnostic."""

    def __init__(self, diagnostic: Diagnostic, color: bool) -> None:
        self.diagnostic = diagnostic
        self.color = color
        shown = [label.span.line for label in diagnostic.labels if label.span.text.content]
        self.gutter = max((len(str(line)) for line in shown), default=1)

    def lines(self) -> Iterator[str]:
        d = self.diagnostic
        tint = _RED if d.severity == "error" else _YELLOW
        head = self._paint(f"{d.severity}[{d.code}]", tint)
        yield head + self._paint(f": {printable(d.message)}", _BOLD)
        for number, (text, labels) in enumerate(_by_text(d.labels)):
            yield from self._excerpt(text, labels, "-->" if number == 0 else ":::")
        margin = " " * (self.gutter + 1) + self._paint("= ", _BLUE)
        for note in d.notes:
            yield margin + f"note: {printable(note)}"
        if d.help:
            yield margin + f"help: {printable(d.help)}"

    def _excerpt(self, text: Text, labels: list[Label], arrow: str) -> Iterator[str]:
        arrow = " " * self.gutter + self._paint(arrow, _BLUE)
        if not text.content:
            yield f"{arrow} {printable(text.name)}"
            return
        first = labels[0].span
        yield f"{arrow} {printable(text.name)}:{first.line}:{first.column}"
        yield self._row("", "")
        ordered = sorted(labels, key=lambda label: (label.span.line, label.span.column))
        for line, here in groupby(ordered, key=lambda label: label.span.line):
            yield from self._line(text, line, list(here))

    def _line(self, text: Text, line: int, labels: list[Label]) -> Iterator[str]:
        source = text.lines[line - 1] if line <= len(text.lines) else ""
        drawn = _Line(source)
        if drawn.width <= _WIDTH:
            yield self._row(str(line), drawn.shown(0, len(source)))
            yield from (self._row("", self._mark(label, drawn, 0, 0)) for label in labels)
            return
        for label in labels:
            start, end = drawn.window(label.span.column - 1)
            left, right = "…" if start else "", "…" if end < len(source) else ""
            yield self._row(str(line), left + drawn.shown(start, end) + right)
            yield self._row("", self._mark(label, drawn, start, len(left)))

    def _mark(self, label: Label, drawn: "_Line", start: int, indent: int) -> str:
        begin, end = _columns(label.span, drawn)
        offset = drawn.offset(begin) - drawn.offset(start) + indent
        room = max(1, _WIDTH + 1 - offset)
        length = min(room, max(1, drawn.offset(end) - drawn.offset(begin)))
        primary = label is self.diagnostic.labels[0]
        tint = (_RED if self.diagnostic.severity == "error" else _YELLOW) if primary else _BLUE
        marks = ("^" if primary else "-") * length
        return " " * offset + self._paint(f"{marks} {printable(label.message)}".rstrip(), tint)

    def _row(self, number: str, content: str) -> str:
        return (self._paint(f"{number:>{self.gutter}} |", _BLUE) + f" {content}").rstrip()

    def _paint(self, text: str, tint: str) -> str:
        return f"{tint}{text}{_RESET}" if self.color else text


class _Line:
    """One source line as cells, so that a caret stands under its character whatever their widths."""

    def __init__(self, source: str) -> None:
        self.cells = [cell(character) for character in source]
        self.offsets = [0]
        for _, width in self.cells:
            self.offsets.append(self.offsets[-1] + width)
        self.width = self.offsets[-1]

    def shown(self, start: int, end: int) -> str:
        return "".join(text for text, _ in self.cells[start:end])

    def offset(self, index: int) -> int:
        return self.offsets[index] if index < len(self.offsets) else self.width

    def window(self, index: int) -> tuple[int, int]:
        """The characters around `index` that fit, as start and end."""
        start = index = max(0, min(index, len(self.cells) - 1))
        while start and self.offsets[index] - self.offsets[start - 1] <= _BEFORE:
            start -= 1
        end = start
        while end < len(self.cells) and self.offsets[end + 1] - self.offsets[start] <= _WIDTH:
            end += 1
        return start, end


def _columns(span: Span, drawn: _Line) -> tuple[int, int]:
    """First and last character index on the first line of a span."""
    begin = min(span.column - 1, len(drawn.cells))
    end = span.end_column - 1 if span.end_line == span.line else len(drawn.cells)
    return begin, max(begin, end)


def _by_text(labels: Sequence[Label]) -> list[tuple[Text, list[Label]]]:
    """The labels of each text, that of the primary one first."""
    grouped: dict[int, tuple[Text, list[Label]]] = {}
    for label in labels:
        grouped.setdefault(id(label.span.text), (label.span.text, []))[1].append(label)
    return list(grouped.values())
