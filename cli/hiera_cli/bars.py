"""Progress bars on stderr: drawn on a terminal, one plain line for each step elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID


class Bars:
    """Call it with what is being done, how much of that is done, and of how much."""

    def __init__(self) -> None:
        # Imported here: `hiera --help` needs none of it.
        from rich import progress
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._bars = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=30),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._current: tuple[str, TaskID] | None = None

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __call__(self, what: str, done: int, total: int) -> None:
        """Draw a bar; one of another name ends the bar before it."""
        if self._current is None or self._current[0] != what:
            self._finish()
            if not self._console.is_terminal:
                self._console.print(f"{what} ...", markup=False, soft_wrap=True)
            self._current = what, self._bars.add_task(what, total=total)
        self._bars.update(self._current[1], completed=done, total=total)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()

    def _finish(self) -> None:
        if self._current is not None:
            task = self._bars.tasks[self._bars.task_ids.index(self._current[1])]
            # A sweep may end before its last step.
            self._bars.update(task.id, total=task.completed or 1, completed=task.completed or 1)
