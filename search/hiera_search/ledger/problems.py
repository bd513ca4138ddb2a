"""The diagnostics of storages and studies: H660 to H675."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from hiera_compiler.diagnostics import Diagnostic, Label, Span, Text, code, did_you_mean, quoted

_FORMS = "a folder, a journal file, or postgresql://USER@HOST/DATABASE"


@code("H660")
def unknown_scheme(scheme: str) -> Diagnostic:
    """A storage of a sort that studies are not kept in.

    A study is kept in a folder (its journal is `study.journal` there), in a journal file, or in a PostgreSQL database.
    """
    near = did_you_mean(scheme, ["postgresql", "postgres"])
    help = "write postgresql://USER@HOST/DATABASE" if near else f"use {_FORMS}"
    return Diagnostic("H660", f"studies are not kept in {quoted(scheme + '://')}", (), help)


@code("H661")
def sqlite_refused() -> Diagnostic:
    """SQLite as the storage of a study.

    SQLite locks the whole file for every change and gives up when it waits too long, so that trials of several workers
    fail at random. A journal file is as simple and takes several workers; PostgreSQL takes many machines.
    """
    message = "SQLite locks its whole file, so workers on one study fail at random"
    return Diagnostic("H661", message, (), f"use {_FORMS}")


@code("H662")
def unreadable_url(reason: str) -> Diagnostic:
    """The URL of a database cannot be taken apart.

    It has the form `postgresql://USER@HOST:PORT/DATABASE`. Characters that mean something in a URL are written by their
    number inside of names and passwords: `@` as `%40`, `/` as `%2F`, `:` as `%3A`, `#` as `%23`, `%` as `%25`. The URL
    is not shown, since it may hold a password; that is best left out of it, and kept in `~/.pgpass` or PGPASSWORD.
    """
    help = "write it as postgresql://USER@HOST:PORT/DATABASE, with @ as %40, / as %2F and : as %3A inside of a password"
    return Diagnostic("H662", f"the URL of the storage cannot be read: {reason}", (), help)


@code("H663")
def driver_missing(reason: str) -> Diagnostic:
    """The driver for PostgreSQL is an extra, and is not installed or does not load."""
    return Diagnostic(
        "H663", f"the driver for PostgreSQL cannot be imported: {reason}", (), "pip install 'hiera-compiler[postgres]'"
    )


@code("H664")
def not_let_in(shown: str) -> Diagnostic:
    """The database server refuses the login.

    The password is wrong or missing, or the server's `pg_hba.conf` does not let this user in from here. Passwords are
    taken from the URL, from PGPASSWORD, or from `~/.pgpass`; they are never shown.
    """
    help = "check user and password; a password may also stand in PGPASSWORD or ~/.pgpass"
    return Diagnostic("H664", f"the server of {quoted(shown, 200)} refuses the login", (), help)


@code("H665")
def no_database(shown: str, database: str) -> Diagnostic:
    """The server has no database of that name."""
    help = f"make it with `createdb {database}`, or name another one"
    return Diagnostic("H665", f"the server of {quoted(shown, 200)} has no database {quoted(database)}", (), help)


@code("H666")
def unreachable(shown: str, reason: str) -> Diagnostic:
    """No database server answers.

    At the start this is said at once; later on, workers wait for the server, as long as `--patience` says. What was
    finished before is in the storage, and what was being evaluated is evaluated again.
    """
    help = "start the server, or check host and port; then run the same command again"
    return Diagnostic("H666", f"{quoted(shown, 200)} does not answer: {reason}", (), help)


@code("H667")
def other_tables(shown: str) -> Diagnostic:
    """The database holds tables that this version of Optuna does not read.

    They were made by another version of Optuna, or they are not Optuna's.
    """
    help = "use another database, or upgrade this one with `optuna storage upgrade`"
    return Diagnostic("H667", f"the tables in {quoted(shown, 200)} are not those of this version of Optuna", (), help)


@code("H668")
def no_study(name: str, shown: str, known: Iterable[str]) -> Diagnostic:
    """The storage has no study of that name.

    A search makes its study; a worker only takes part in one that is there.
    """
    names = sorted(known)
    near = did_you_mean(name, names)
    listed = f"it has {', '.join(quoted(one) for one in names[:5])}" if names else "it has none; a search makes one"
    help = f"did you mean {quoted(near)}?" if near else listed
    return Diagnostic("H668", f"{quoted(shown, 200)} has no study named {quoted(name)}", (), help)


@code("H669")
def foreign_study(name: str, shown: str) -> Diagnostic:
    """The study is not one that a search has made.

    Optuna studies of other programs may lie in the same storage; searches and workers leave them alone.
    """
    help = "name another study with --study, or another storage"
    return Diagnostic("H669", f"the study {quoted(name)} in {quoted(shown, 200)} is of another program", (), help)


@code("H670")
def other_space(name: str, shown: str, hole: str) -> Diagnostic:
    """The study was made for another space.

    The parameters of a study are the holes of its space, each with its options, and cannot change.
    """
    message = f"the study {quoted(name)} in {quoted(shown, 200)} is of another space: {quoted(hole)} differs"
    return Diagnostic("H670", message, (), "name another study, or write to another folder")


@code("H671")
def bad_study_name(name: str) -> Diagnostic:
    """A study's name has 1 to 200 characters that can be printed."""
    help = "use a name such as --study search"
    return Diagnostic("H671", f"a study cannot be named {quoted(name.encode('unicode_escape').decode())}", (), help)


@code("H672")
def journal_failed(path: Path, error: OSError) -> Diagnostic:
    """The journal of a study cannot be read or written.

    The message gives the operating system's reason. Every record that was written before is in the journal, and
    the record that could not be written is not in it in part.
    """
    reason = os.strerror(error.errno).lower() if error.errno else "the disk is full"
    message = f"{quoted(path, 300)} cannot be used as a study's journal: {reason}"
    help = "make space, or give yourself the right to write there; then run the same command again"
    if error.errno == errno.ENOENT:
        help = "name the folder of a search; `hiera search -o DIR` makes one"
    return Diagnostic("H672", message, (_whole(path),), help)


@code("H673")
def journal_damaged(path: Path, line: int, is_first: bool) -> Diagnostic:
    """A line of a journal is not a record of Optuna's, and records follow it.

    Records build on each other, so none after a damaged one can be trusted. Half a record at the end, as a power cut
    leaves it, is no such damage: it is taken off.
    """
    place = Label(Span(Text(str(path), ""), line, 1, line, 1))
    if is_first:
        help = "name another file: this one is not the journal of a study"
    else:
        help = f"restore the file from a copy, or go on from the {line - 1} lines before: head -n {line - 1}"
    return Diagnostic("H673", f"line {line} of {quoted(path, 300)} is not a record of a study", (place,), help)


@code("H674")
def journal_cut(path: Path, lost: Path, size: int) -> Diagnostic:
    """The end of a journal was cut short, and has been taken off.

    A power cut or a killed process leaves part of a record at the end of the file. It was never acknowledged, so no
    finished trial is lost; a trial that was being evaluated is evaluated again. The piece is kept beside the journal.
    """
    message = f"{quoted(path, 300)} ended in {size} bytes of an unfinished record, which were taken off"
    note = f"they are kept in {quoted(lost, 300)}; what the record spoke of is done again"
    return Diagnostic("H674", message, (_whole(path),), None, (note,), "warning")


@code("H675")
def journal_locked(path: Path, seconds: float) -> Diagnostic:
    """Another process has kept a journal locked for too long.

    Each change takes milliseconds. A process that was suspended in the middle of one, as with Ctrl-Z, keeps all others
    waiting; one that has ended keeps nothing.
    """
    message = f"another process has kept {quoted(path, 300)} locked for {seconds:.0f} s"
    return Diagnostic("H675", message, (_whole(path),), f"let that process go on, or end it: fuser {path}")


def _whole(path: Path) -> Label:
    return Label(Span(Text(str(path), ""), 1, 1, 1, 1))
