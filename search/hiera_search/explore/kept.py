"""The figures of every candidate that a search has priced, so that another budget asks them and not the table."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from hiera_search.report.files import share
from hiera_search.table import Columns

if TYPE_CHECKING:
    from hiera_search.explore.sieve import Judged

FILE = "evaluated.npz"
MOST = 2_000_000
"""Candidates that are kept at most, about 70 MB; a larger search is priced anew, which takes seconds."""


class Kept:
    """Choices and figures in the order in which they were priced; `whole` says that none was left out."""

    def __init__(self) -> None:
        self.whole = True
        self._parts: list[tuple[NDArray[np.int32], Columns]] = []
        self._count = 0

    def add(self, judged: Judged) -> None:
        """Keep what was just priced, unless there is too much of it."""
        self._count += len(judged.choices)
        if self._count > MOST:
            self.whole = False
            self._parts.clear()
        if self.whole:
            self._parts.append((judged.choices, judged.columns))

    def parts(self) -> list[tuple[NDArray[np.int32], Columns]]:
        """What is kept, in pieces."""
        return list(self._parts)

    def write(self, file: Path, key: dict[str, Any], codes: list[str]) -> None:
        """Write what is kept, if it is all, in place of the file; `key` says what it is true of.

        Where that fails, as on a full disk, the next search prices anew.
        """
        with suppress(OSError):
            if self.whole and self._parts:
                self._replace(file, key, codes)
            else:
                file.unlink(missing_ok=True)

    def _replace(self, file: Path, key: dict[str, Any], codes: list[str]) -> None:
        choices = np.concatenate([part for part, _ in self._parts])
        columns = self._parts[0][1]
        for _, more in self._parts[1:]:
            columns = columns.join(more)
        handle, name = mkstemp(dir=file.parent, prefix=f".{file.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                arrays: dict[str, Any] = {"key": np.array(json.dumps(key, sort_keys=True)), "codes": np.array(codes)}
                arrays |= {"choices": choices.astype(np.uint16), **columns.arrays()}
                np.savez(stream, **arrays)
            share(temporary)
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)


def read(file: Path, key: dict[str, Any]) -> tuple[list[str], NDArray[np.int32], Columns] | None:
    """Codes, choices and figures of an earlier search; None where there are none of that key."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            if str(stored["key"]) != json.dumps(key, sort_keys=True):
                return None
            columns = Columns(**{name: stored[name] for name in Columns.names()})
            return [str(code) for code in stored["codes"]], stored["choices"].astype(np.int32), columns
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
