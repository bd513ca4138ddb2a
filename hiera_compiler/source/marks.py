"""The parser's marks → places that point at what the user sees."""

from dataclasses import replace
from typing import Any

from hiera_compiler.diagnostics import Span, Text


def span_of(text: Text, event: Any) -> Span:
    """The place of an event as the parser gives it: for a collection, of its start or end alone."""
    start, end = event.start_mark, event.end_mark
    return Span(text, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def scalar_span(text: Text, event: Any) -> Span:
    """The place of a scalar; of a `|` or `>` scalar, which ends where the next key starts, its first line."""
    span = span_of(text, event)
    return first_line(span) if event.style in ("|", ">") else span


def block_span(start: Span, reach: int) -> Span:
    """The first line of a collection in block style; `reach` is where its children on that line end, or 0."""
    if reach:
        return replace(start, end_line=start.line, end_column=reach)
    return first_line(replace(start, end_line=start.line + 1))


def flow_span(start: Span, end: Span, last: Span | None) -> Span:
    """A collection in flow style, from bracket to bracket; `last` is the place of its last child."""
    closing = start.text.lines[end.end_line - 1][end.end_column - 2 : end.end_column - 1]
    if last is not None and closing not in ("]", "}"):
        # `[a: 1 ]` holds a mapping without braces, which the parser ends at the next token.
        end = last
    return replace(start, end_line=end.end_line, end_column=end.end_column)


def first_line(span: Span) -> Span:
    """The part of a place that lies on its first line."""
    if span.end_line == span.line:
        return span
    end = len(span.text.lines[span.line - 1].rstrip()) + 1
    return replace(span, end_line=span.line, end_column=max(span.column, end))
