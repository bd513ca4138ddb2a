"""How far a search has come, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from time import monotonic
from types import TracebackType

EVERY = 10.0
"""Seconds between lines where stderr is no terminal."""


class Counting:
    """Call it with what is being done, how many candidates were judged, and of how many."""

    def __init__(self) -> None:
        from rich import progress
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f} candidates", markup=False),
            progress.TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1, visible=False)
        self._said = monotonic()

    def __enter__(self) -> Counting:
        self._bar.start()
        return self

    def __call__(self, step: str, done: int, total: int) -> None:
        """Say how far it is."""
        self._bar.update(self._task, description=step, completed=done, total=max(total, done, 1), visible=True)
        if not self._console.is_terminal and monotonic() - self._said > EVERY:
            self._said = monotonic()
            self._console.print(f"{step}: {done:,} of {total:,} candidates", markup=False, soft_wrap=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
