"""The formats for programs: JSON, and GitHub's workflow commands."""

import json
import re

import pytest

from hiera_compiler.diagnostics import Diagnostic, Label, Span, Text, render

TEXT = Text("a,b:c%.yaml", "name: x\ninput: y\n")
DIAGNOSTIC = Diagnostic(
    "H101",
    "100% wrong\r\nhere",
    (Label(Span(TEXT, 2, 8, 2, 9), "this"), Label(Span(TEXT, 1, 1, 2, 5))),
    help="write: z",
    notes=("a note",),
)


def test_json_holds_every_field_and_place() -> None:
    place = {"file": TEXT.name, "line": 2, "column": 8, "end_line": 2, "end_column": 9}
    second = {"file": TEXT.name, "line": 1, "column": 1, "end_line": 2, "end_column": 5}
    assert json.loads(render([DIAGNOSTIC], "json")) == {
        "diagnostics": [
            {
                "code": "H101",
                "severity": "error",
                "message": "100% wrong\r\nhere",
                **place,
                "help": "write: z",
                "notes": ["a note"],
                "labels": [{**place, "message": "this"}, {**second, "message": ""}],
            }
        ]
    }


def test_json_of_a_finding_without_a_place_has_nulls() -> None:
    (record,) = json.loads(render([Diagnostic("H001", "m")], "json"))["diagnostics"]
    assert [record[name] for name in ("file", "line", "column", "end_line", "end_column")] == [None] * 5
    assert record["labels"] == []


def test_json_of_nothing_is_an_empty_list() -> None:
    assert json.loads(render([], "json")) == {"diagnostics": []}


def test_github_escapes_what_would_end_a_command_or_a_property() -> None:
    assert render([DIAGNOSTIC], "github") == (
        "::error file=a%2Cb%3Ac%25.yaml,line=2,col=8,endColumn=9,title=H101::"
        "100%25 wrong%0D%0Ahere%0Aa note%0Ahelp: write: z"
    )


def test_github_gives_no_end_column_across_lines() -> None:
    diagnostic = Diagnostic("H000", "m", (Label(Span(TEXT, 1, 3, 2, 5)),), severity="warning")
    properties = "file=a%2Cb%3Ac%25.yaml,line=1,col=3,endLine=2,title=H000"
    assert render([diagnostic], "github") == f"::warning {properties}::m"


def test_github_writes_one_line_for_each_finding() -> None:
    lines = render([DIAGNOSTIC, Diagnostic("H001", "m")], "github").splitlines()
    assert lines[0] == "::error title=H001::m"
    assert len(lines) == 2


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=re.escape("text, json or github, not 'xml'")):
        render([], "xml")  # type: ignore[arg-type]
