"""Locks between processes that the kernel ends with the process that holds them."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import problems

_BUSY = (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK)


@contextmanager
def locked(file: Path, patience: float, what: Path) -> Iterator[None]:
    """While inside, no other process or thread is, for this lock file; ``what`` it protects is named in a SpecError.

    The file stays: a lock file that was removed and made again could be locked twice.
    """
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise SpecError(problems.journal_failed(what, error)) from None
    try:
        _wait(handle, patience, what)
        yield
    finally:
        os.close(handle)  # This ends the lock.


def _wait(handle: int, patience: float, what: Path) -> None:
    import fcntl

    end, pause = time.monotonic() + patience, 0.0005
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _BUSY:
                raise SpecError(problems.journal_failed(what, error)) from None
        else:
            return
        if time.monotonic() > end:
            raise SpecError(problems.journal_locked(what, patience))
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
