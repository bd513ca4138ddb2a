"""H690 to H694: what keeps a result from being written or read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hiera_compiler.diagnostics import Diagnostic, Label, Span, Text, code, quoted


@code("H690")
def no_result(folder: Path) -> Diagnostic:
    """There is no result of a search in the folder.

    `hiera search -o DIR` writes one: a folder with a `front.json`, from which the report is drawn again.
    """
    message = f"{_path(folder)} holds no front.json"
    return Diagnostic("H690", message, (_whole(folder),), f"write one with `hiera search -o {folder}`")


@code("H691")
def not_a_front(file: Path, reason: str) -> Diagnostic:
    """The file holds no result of a search.

    A search writes its `front.json` whole or not at all; a file that was cut short while it was copied, or that
    another program wrote, cannot be read.
    """
    message = f"{_path(file)} holds no result of a search: {reason}"
    return Diagnostic("H691", message, (_whole(file),), "name the folder of another result, or search again")


@code("H692")
def other_format(file: Path, found: object, known: str) -> Diagnostic:
    """The result is of a format that this version does not read.

    The first line of a `front.json` names its format, whose number grows when a field changes its meaning.
    """
    message = f"{_path(file)} has the format {quoted(found)}, and this version reads {quoted(known)}"
    return Diagnostic("H692", message, (_whole(file),), "read it with the version that wrote it, or search again")


@code("H693")
def not_in_form(file: Path, places: Sequence[str]) -> Diagnostic:
    """A value of the result is missing, unknown or out of range.

    The message gives the places of the first of them, as in `front.2.latency_ms`: the latency of the third
    candidate.
    """
    shown = ", ".join(quoted(place) for place in places[:3]) + (", ..." if len(places) > 3 else "")
    message = f"{_path(file)} has no usable value at {shown}"
    return Diagnostic("H693", message, (_whole(file),), "search again: a result is not meant to be changed by hand")


@code("H694")
def foreign_files(folder: Path, strays: Sequence[str]) -> Diagnostic:
    """The folder holds files that no search has written, under names that this one needs.

    A search replaces only the files of an earlier search: those that a `front.json` of its own lists, and spec
    files whose first line says that a search wrote them. Other files beside them are left alone.
    """
    shown = ", ".join(quoted(name) for name in strays[:3]) + (", ..." if len(strays) > 3 else "")
    message = f"files in {_path(folder)} would be replaced that no search has written: {shown}"
    return Diagnostic("H694", message, (_whole(folder),), "name another folder, or move these files away")


@code("H695")
def not_a_folder(path: Path) -> Diagnostic:
    """A result is a folder, and there is a file of that name."""
    return Diagnostic("H695", f"{_path(path)} is a file", (_whole(path),), "name another folder, or remove the file")


def _path(path: Path) -> str:
    return quoted(path, longest=300)


def _whole(path: Path) -> Label:
    return Label(Span(Text(str(path), ""), 1, 1, 1, 1))
