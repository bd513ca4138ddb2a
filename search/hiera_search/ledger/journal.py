"""A study in a journal file: an append-only log of records, one a line. Imports Optuna."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import BaseJournalBackend

from hiera_compiler.diagnostics import Diagnostic, SpecError
from hiera_search.ledger import problems
from hiera_search.ledger.locks import locked
from hiera_search.ledger.storage import Lock

PATIENCE = 60.0
"""Seconds that one process may keep the others waiting for a lock that is held for milliseconds."""
_START = b'{"op_code":'
_PIECE = 65536


class JournalFile(BaseJournalBackend):
    """Optuna's journal format in a file that outlives killed processes, power cuts and full disks.

    A record is in the file whole or not at all: a failed write is taken back, and half a record that a killed process
    left is cut off by the next writer (``warnings`` tells). Locks are the kernel's, so they end with their process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[Diagnostic] = []
        # Offset of each line that was read, as the storage asks for records by their number.
        self._offsets = [0]
        self.position = 0
        """The number of the record that was read last."""
        with self._changing():
            self._require_journal()
            self._cut_unfinished()
            self._cut_damaged_end()

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The complete records from this number on; raises SpecError at a line that is none."""
        number = min(log_number_from, len(self._offsets) - 1)
        try:
            with self.path.open("rb") as file:
                file.seek(self._offsets[number])
                for line in file:
                    if not line.endswith(b"\n"):
                        return  # It is being written, or it is cut off before the next record.
                    number += 1
                    if number == len(self._offsets):
                        self._offsets.append(self._offsets[-1] + len(line))
                    if number > log_number_from:
                        self.position = number
                        if (record := _record(line)) is None:
                            raise SpecError(problems.journal_damaged(self.path, number, number == 1))
                        yield record
        except OSError as error:
            raise SpecError(problems.journal_failed(self.path, error)) from None

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write records that are on the disk when this returns; raises SpecError and leaves none where it cannot."""
        data = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with self._changing():
            self._cut_unfinished()
            with self.path.open("ab", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                written = 0
                try:
                    written = file.write(data)
                finally:
                    if written != len(data):
                        file.truncate(size)
                if written != len(data):
                    raise OSError(errno.ENOSPC, "")
                os.fsync(file.fileno())

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with locked(self.path.with_name(self.path.name + ".write-lock"), PATIENCE, self.path):
            try:
                yield
            except OSError as error:
                raise SpecError(problems.journal_failed(self.path, error)) from None

    def _require_journal(self) -> None:
        """Raises SpecError for a file of something else, which would be changed otherwise."""
        with self.path.open("ab+") as file:
            file.seek(0)
            first = file.readline(1 << 20)
        begun = not first.endswith(b"\n") and (_START.startswith(first[: len(_START)]) or not first.strip(b"\0"))
        if not begun and _record(first) is None:
            raise SpecError(problems.journal_damaged(self.path, 1, True))

    def _cut_unfinished(self) -> None:
        """Take off what follows the last line break; nobody is writing, since the caller holds the lock."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            end = _after_line_break(file, size)
        if end < size:
            self._cut(end, size)

    def _cut_damaged_end(self) -> None:
        """Take off a last line that is no record: a power cut may keep the end of a record and lose its start."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = _after_line_break(file, size - 1) if size else 0
            file.seek(start)
            is_damaged = size > 0 and _record(file.read()) is None
        if is_damaged:
            self._cut(start, size)

    def _cut(self, start: int, size: int) -> None:
        lost = self.path.with_name(self.path.name + ".lost")
        with self.path.open("rb+") as file:
            file.seek(start)
            with suppress(OSError), lost.open("ab") as kept:  # On a full disk the study goes on without it.
                kept.write(file.read(size - start) + b"\n")
            file.truncate(start)
        self.warnings.append(problems.journal_cut(self.path, lost, size - start))


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and {"op_code", "worker_id"} <= record.keys() else None


def _after_line_break(file: BinaryIO, end: int) -> int:
    """The offset after the last line break before ``end``."""
    while end:
        start = max(0, end - _PIECE)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


class JournalStudies:
    """The studies of a journal file. Raises SpecError where the file cannot be used."""

    def __init__(self, path: Path, shown: str, create: bool) -> None:
        self.shown = shown
        self._path = path
        try:
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            elif not path.exists():
                raise FileNotFoundError(errno.ENOENT, "")
        except OSError as error:
            raise SpecError(problems.journal_failed(path, error)) from None
        self._file = JournalFile(path)
        try:
            self.optuna: BaseStorage = JournalStorage(self._file)
        except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
            # Optuna trusts its records; it tripped over the one that it was given last.
            raise SpecError(problems.journal_damaged(path, self._file.position, False)) from error

    @property
    def warnings(self) -> list[Diagnostic]:
        """What was lost of the file, so far."""
        return self._file.warnings

    def close(self) -> None:
        """Nothing: the file is opened for each change."""

    @contextmanager
    def exclusive(self, what: Lock) -> Iterator[None]:
        """While inside, no other process is in it for this file, and this part of the work."""
        with locked(self._path.with_name(f"{self._path.name}.{what}-lock"), PATIENCE, self._path):
            yield

    def is_outage(self, error: Exception) -> bool:
        """Whether waiting may help: a file does not come back by itself."""
        return False

    def reason(self, error: Exception) -> str:
        """What an outage is, in a few words; a file has none."""
        return str(error)
