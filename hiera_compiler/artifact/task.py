"""What is to be built, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal

from hiera_compiler.artifact import folder
from hiera_compiler.pipeline import Compilation

Progress = Callable[[str], None]
"""Called with what starts now, such as ``loading torch``."""


@dataclass(frozen=True)
class Options:
    """What to build and how to verify it; ``batch`` is that of the input on which compiled and eager must agree."""

    emit: Sequence[str] = ()
    weights: str | PathLike[str] | None = None
    compile: bool = True
    device: Literal["cpu", "cuda"] = "cpu"
    batch: int = 2
    force: bool = False


@dataclass(frozen=True)
class Task:
    """One build: ``new`` is the folder to fill, which messages call ``shown``, its later name."""

    compilation: Compilation
    options: Options
    new: Path
    shown: Path
    progress: Progress

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """The path of a file to write; failures to write raise BuildError, with the file's later name."""
        with folder.writing(self.shown / name):
            yield self.new / name
