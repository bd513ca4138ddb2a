"""What a long command is doing, on stderr: a spinner with seconds on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID


class Progress:
    """Call it with the name of each step as the step starts; the steps take their turn."""

    def __init__(self) -> None:
        # Imported here: `hiera --help` needs none of it.
        from rich import progress
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._bar = progress.Progress(
            progress.SpinnerColumn(finished_text=" "),
            progress.TextColumn("{task.description}", markup=False),
            progress.TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __call__(self, step: str) -> None:
        """Say that this step starts, and so that the one before it is done."""
        if not self._console.is_terminal:
            self._console.print(f"{step} ...", markup=False, soft_wrap=True)
            return
        self._finish()
        self._task = self._bar.add_task(step, total=1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._bar.stop()

    def _finish(self) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=1)
