"""Diagnostics for programs: JSON, and GitHub's workflow commands."""

import json
from collections.abc import Sequence
from typing import Any

from hiera_compiler.diagnostics.model import Diagnostic, Span


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    """One object with the list `diagnostics`; lines and columns are null where there is no place."""
    return json.dumps({"diagnostics": [_record(diagnostic) for diagnostic in diagnostics]}, indent=2)


def as_github(diagnostics: Sequence[Diagnostic]) -> str:
    """One workflow command to a line, which GitHub shows beside the changed file."""
    return "\n".join(_command(diagnostic) for diagnostic in diagnostics)


def _record(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_position(diagnostic.span),
        "help": diagnostic.help,
        "notes": list(diagnostic.notes),
        "labels": [{**_position(label.span), "message": label.message} for label in diagnostic.labels],
    }


def _position(span: Span | None) -> dict[str, Any]:
    names = ("line", "column", "end_line", "end_column")
    if span is None:
        return {"file": None, **dict.fromkeys(names)}
    return {"file": span.text.name, **{name: getattr(span, name) for name in names}}


def _command(diagnostic: Diagnostic) -> str:
    body = [diagnostic.message, *diagnostic.notes]
    if diagnostic.help:
        body.append(f"help: {diagnostic.help}")
    properties = _properties(diagnostic.span) | {"title": diagnostic.code}
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{diagnostic.severity} {written}::" + _data("\n".join(body))


def _properties(span: Span | None) -> dict[str, str]:
    if span is None:
        return {}
    place = {"file": span.text.name, "line": str(span.line), "col": str(span.column)}
    # GitHub takes an end column only for a place on one line.
    if span.end_line == span.line:
        return place | {"endColumn": str(span.end_column)}
    return place | {"endLine": str(span.end_line)}


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
