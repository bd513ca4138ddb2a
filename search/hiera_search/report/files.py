"""Writing a result: each file whole or not at all, and nothing that a search has not written is touched."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import mkstemp

from hiera_compiler.diagnostics import SpecError
from hiera_search.report import figures, problems
from hiera_search.report.form import Candidate, Front
from hiera_search.report.names import file_names
from hiera_search.report.page import render
from hiera_search.report.read import FILE, read_front
from hiera_search.report.spec_file import MARK, spec_text

TABLE = "front.csv"
PAGE = "report.html"


def write_result(
    folder: str | PathLike[str], front: Front, winners: int | None = None, beside: Mapping[str, str] | None = None
) -> Front:
    """Write `front.json`, `front.csv`, `report.html` and spec files; gives the front with their names.

    Spec files are written for the first so many winners, by default for all; `beside` are texts by the name of the
    file that belong to the result. Two searches in one folder write one after the other.

    The first winner is `best.yaml`. Spec files of an earlier result in the folder are removed, other files stay.
    Raises SpecError where the folder holds files of others under these names (H694), is a file (H695), or cannot be
    written (H702); then no file was changed.
    """
    path = Path(folder)
    named = _named(front, winners)
    contents = {FILE: named.text(), TABLE: table(named), PAGE: render(named)}
    contents |= {one.file: spec_text(one, named) for one in named.front if one.file}
    contents |= beside or {}
    make_folder(path)
    with _writing(path), _alone(path):
        _write(path, contents, frozenset(beside or ()))
    return named


def make_folder(path: Path) -> None:
    """Make the folder of a result where it is not there. Raises SpecError for a file (H695), and where it fails."""
    with _writing(path):
        if path.exists() and not path.is_dir():
            raise SpecError(problems.not_a_folder(path))
        path.mkdir(parents=True, exist_ok=True)


def _write(folder: Path, contents: Mapping[str, str], beside: frozenset[str]) -> None:
    """Put the files in the place of those of an earlier result."""
    old = _earlier(folder)
    ours = old | beside if old else old
    strays = sorted(name for name in contents if not _replaceable(folder / name, ours))
    if strays:
        raise SpecError(problems.foreign_files(folder, strays))
    _replace(folder, contents)
    for name in old - contents.keys():
        if _is_winner(folder / name):
            (folder / name).unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While inside, no other process writes a result into the folder; ends with this one, however that ends."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def table(front: Front) -> str:
    """The front and its ties as comma-separated values, units in the header, a column for each hole of the space."""
    holes = list(dict.fromkeys(hole for one in (*front.front, *front.ties) for hole in one.choice))
    score = f"score [{front.objective.unit}]"
    lines: list[list[object]] = [
        [
            *("name", "kind", "file", "hash", "params", "MACs", "FLOPs", "memory [bytes]"),
            *("latency [ms]", "latency low [ms]", "latency high [ms]", "throughput [samples/s]"),
            *(score, "score low", "score high", "rung", "extrapolated", "measured [ms]", "nearest published"),
            *holes,
        ]
    ]
    for kind, several in (("front", front.front), ("tie", front.ties)):
        lines += [_row(kind, one, holes) for one in several]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in line] for line in lines)
    return text.getvalue()


def _row(kind: str, one: Candidate, holes: list[str]) -> list[object]:
    return [
        *(one.name, kind, one.file, one.hash, one.params, one.macs, one.flops, one.memory_bytes),
        *(one.latency_ms, one.latency_low, one.latency_high, one.throughput),
        *(one.accuracy, one.accuracy_low, one.accuracy_high, one.accuracy_rung, one.extrapolated),
        one.measured.latency_ms if one.measured else None,
        one.nearest.text if one.nearest else None,
        *(_spelled(one.choice.get(hole)) for hole in holes),
    ]


def _spelled(value: object) -> object:
    """What was chosen at a hole as a space has it; texts and numbers are so already, and a hole may not be there."""
    return figures.option(value) if isinstance(value, dict | list | bool) else value


def _cell(value: object) -> object:
    # A spreadsheet would run a text that begins like a formula.
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")) else value


def _named(front: Front, winners: int | None) -> Front:
    first, rest = front.front[:winners], front.front[winners:] if winners is not None else ()
    names = file_names(one.name for one in first)
    named = [one.model_copy(update={"file": name}) for one, name in zip(first, names, strict=True)]
    unnamed = [one.model_copy(update={"file": None}) for one in rest]
    return front.model_copy(update={"front": (*named, *unnamed)})


def _earlier(folder: Path) -> set[str]:
    """The files of an earlier result; none where `front.json` is not a search's."""
    try:
        front = read_front(folder)
    except SpecError:
        return set()
    return {FILE, TABLE, PAGE, *(one.file for one in front.front if one.file)}


def _replaceable(path: Path, old: set[str]) -> bool:
    if not os.path.lexists(path):
        return True
    return path.is_file() and (path.name in old or _is_winner(path))


def _is_winner(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return path.is_file() and file.read(len(MARK.encode())) == MARK.encode()
    except OSError:
        return False


def _replace(folder: Path, contents: Mapping[str, str]) -> None:
    """Write all files beside their places, and move them there once all are written."""
    written: dict[Path, Path] = {}
    try:
        for name, text in contents.items():
            handle, temporary = mkstemp(dir=folder, prefix=f".{name}.")
            written[Path(temporary)] = folder / name
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(handle)
        # `front.json` first: whatever ends the moves between two of them, it lists what is ours.
        for source, target in written.items():
            share(source)
            source.replace(target)
    except BaseException:
        for source in written:
            source.unlink(missing_ok=True)
        raise


def share(file: Path) -> None:
    """Let others read a temporary file as they may read any new one: it was made for its owner alone."""
    mask = os.umask(0o077)
    os.umask(mask)
    file.chmod(0o666 & ~mask)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Imported here: only a failure needs it.
        from hiera_compiler.artifact.problems import not_written

        raise SpecError(not_written(path, error)) from None
