"""Being asked to stop: an evaluation ends at once, a change of the storage is done first."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))


class Stopped(KeyboardInterrupt):
    """Raised where an evaluation is interrupted; no handler of errors catches it."""


class Stops:
    """While entered, Ctrl-C, SIGTERM and SIGHUP ask to stop; ``signal`` is the one that did.

    They raise ``Stopped`` inside of ``interruptible`` alone, so that none breaks a change of the storage in two. The
    third signal raises it everywhere. Signals are left alone outside of the main thread.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._count = 0
        self._is_open = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stops:
        if threading.current_thread() is threading.main_thread():
            # nohup lets a process ignore SIGHUP, and a shell's background jobs ignore SIGINT.
            asked = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._ask) for number in dict.fromkeys(asked)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """While inside, being asked to stop raises Stopped, also where that came before."""
        self._is_open = True
        try:
            if self.signal is not None:
                raise Stopped
            yield
        finally:
            self._is_open = False

    def pause(self, seconds: float) -> None:
        """Wait, until then or until asked to stop."""
        with suppress(Stopped), self.interruptible():
            time.sleep(seconds)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self._count += 1
        if self._is_open or self._count > 2:
            self._is_open = False
            raise Stopped
