"""Diagnostics as text for people, as JSON for tools, as annotations for GitHub."""

from collections.abc import Iterable
from typing import Literal

from hiera_compiler.diagnostics.machine import as_github, as_json
from hiera_compiler.diagnostics.model import Diagnostic
from hiera_compiler.diagnostics.text import as_text


def render(
    diagnostics: Iterable[Diagnostic],
    format: Literal["text", "json", "github"] = "text",
    color: bool = False,
) -> str:
    """All diagnostics in order of file and line; no line break at the end.

    `color` adds ANSI colours to the text format. Raises ValueError for an unknown format.
    """
    ordered = sorted(diagnostics, key=_place)
    if format == "text":
        return as_text(ordered, color)
    if format == "json":
        return as_json(ordered)
    if format == "github":
        return as_github(ordered)
    raise ValueError(f"format is text, json or github, not {format!r}")


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span
    return ("", 0, 0) if span is None else (span.text.name, span.line, span.column)
