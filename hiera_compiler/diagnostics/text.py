"""Diagnostics for people: the source line, a caret under the place, and what to do."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from hiera_compiler.diagnostics.cells import cell, printable
from hiera_compiler.diagnostics.model import Diagnostic, Label, Text

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
        # One picture for all labels of a line that fits, else one for each.
        for group in [labels] if _fits(source) else [[label] for label in labels]:
            drawn = _Cut(source, group[0].span.column - 1)
            yield self._row(str(line), drawn.shown)
            yield from (self._row("", self._mark(label, drawn)) for label in group)

    def _mark(self, label: Label, drawn: "_Cut") -> str:
        span = label.span
        offset = drawn.offset(span.column - 1)
        end = drawn.width if span.end_line > span.line else drawn.offset(span.end_column - 1)
        length = max(1, end - offset)
        primary = label is self.diagnostic.labels[0]
        tint = (_RED if self.diagnostic.severity == "error" else _YELLOW) if primary else _BLUE
        marks = ("^" if primary else "-") * length
        return " " * offset + self._paint(f"{marks} {printable(label.message)}".rstrip(), tint)

    def _row(self, number: str, content: str) -> str:
        return (self._paint(f"{number:>{self.gutter}} |", _BLUE) + f" {content}").rstrip()

    def _paint(self, text: str, tint: str) -> str:
        return f"{tint}{text}{_RESET}" if self.color else text


class _Cut:
    """What is shown of a source line, so that a mark stands under its character whatever the widths.

    All of a line that fits, else what fits around the character `index`, with dots for what is left out.
    """

    def __init__(self, source: str, index: int) -> None:
        fits = _fits(source)
        start = 0 if fits else max(0, min(index, len(source) - 1) - _BEFORE)
        self.first = start
        self.offsets = [1 if start else 0]
        self.shown = "…" if start else ""
        for character in source[start:]:
            text, width = cell(character)
            if not fits and self.offsets[-1] + width > _WIDTH:
                self.shown += "…"
                break
            self.shown += text
            self.offsets.append(self.offsets[-1] + width)

    @property
    def width(self) -> int:
        """The column after the last character shown."""
        return self.offsets[-1]

    def offset(self, index: int) -> int:
        """The column where the character `index` of the line is shown; beyond what is shown, its edge."""
        return self.offsets[max(0, min(index - self.first, len(self.offsets) - 1))]


def _fits(source: str) -> bool:
    # Only a line that may fit is measured: others can have a million characters.
    return len(source) <= _WIDTH and sum(cell(character)[1] for character in source) <= _WIDTH


def _by_text(labels: Sequence[Label]) -> list[tuple[Text, list[Label]]]:
    """The labels of each text, that of the primary one first."""
    grouped: dict[int, tuple[Text, list[Label]]] = {}
    for label in labels:
        grouped.setdefault(id(label.span.text), (label.span.text, []))[1].append(label)
    return list(grouped.values())
