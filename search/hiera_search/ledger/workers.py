"""Who works on a trial, and whether it still does."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hiera_search.ledger.trials import State, Trial

if TYPE_CHECKING:
    from hiera_search.ledger.study import Ledger

INTERVAL = 10.0
"""Seconds from one heartbeat to the next."""
GRACE = 60.0
"""Seconds without a heartbeat after which a worker counts as lost."""


def identity() -> dict[str, Any]:
    """This process, told apart from all others on any machine."""
    return {
        "id": uuid4().hex,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "machine": _machine(),
        "started": _started(os.getpid()),
    }


class Watch:
    """What one process has seen of the others' heartbeats, by its own clock: clocks of machines need not agree."""

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._seen: dict[int, tuple[object, float, bool]] = {}
        self._machine = _machine()

    def is_lost(self, trial: Trial) -> bool:
        """Whether the worker of a running trial has ended, or not given a sign of life for too long."""
        on_this_machine = _is_alive(trial.worker, self._machine)
        if on_this_machine is not None:
            self._seen[trial.id] = (None, time.monotonic(), True)
            return not on_this_machine
        sign = (trial.worker.get("id"), trial.heartbeat)
        last, since, is_proven = self._seen.get(trial.id, (sign, time.monotonic(), False))
        if sign != last:
            since, is_proven = time.monotonic(), True
        self._seen[trial.id] = (sign, since, is_proven)
        return time.monotonic() - since > self._grace

    def is_in_doubt(self, trial: Trial) -> bool:
        """Whether a running trial's worker has not given a sign of life since this process first looked."""
        return trial.state is State.RUNNING and not self._seen.get(trial.id, (None, 0.0, False))[2]

    def forget(self) -> None:
        """Start anew, after a time in which nobody could give a sign of life."""
        self._seen.clear()


class Heartbeat:
    """A thread that raises a trial's count while the trial is being evaluated."""

    def __init__(self, ledger: Ledger, trial: Trial, interval: float = INTERVAL) -> None:
        self._ledger, self._trial, self._interval = ledger, trial, interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=1)  # It may be waiting for a server that is away.

    def _beat(self) -> None:
        count = 0
        while not self._ended.wait(self._interval):
            count += 1
            try:
                self._ledger.optuna.set_trial_user_attr(self._trial.id, "heartbeat", count)
            except Exception:  # noqa: BLE001 - see below
                # A beat that is missed ends no evaluation: a server that is away raises whatever its driver likes, and
                # the worker itself meets the same failure when it finishes the trial, waits for it, and reports it.
                continue


def _machine() -> str | None:
    """The kernel that runs and its table of processes, which a container has to itself; None where unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _started(process: int) -> str | None:
    """When a process of this machine started, in the kernel's ticks; None where there is none."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _is_alive(worker: Mapping[str, Any], machine: str | None) -> bool | None:
    """Whether a worker of this machine still runs; None where it is of another one, or that cannot be told."""
    process, started = worker.get("pid"), worker.get("started")
    if machine is None or worker.get("machine") != machine or not isinstance(process, int) or not started:
        return None
    return _started(process) == str(started)
