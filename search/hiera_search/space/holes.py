"""The holes of a space, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hiera_compiler.diagnostics import Span, SpecError
from hiera_compiler.source.tree import Path
from hiera_search.space import problems
from hiera_search.space.limits import MAX_HOLES, MAX_VALUES
from hiera_search.space.template import Options


@dataclass
class Holes:
    """What was read of each hole, by position: its template, its path, and its options as they are written."""

    listed: list[Options] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    written: list[tuple[Any, ...]] = field(default_factory=list)
    options: int = 0
    is_full: bool = False

    def open(self, span: Span, path: Path, options: int) -> int:
        """The position of a new hole; it comes before those of the holes inside it. Raises SpecError for too many."""
        self.options += options
        if len(self.listed) == MAX_HOLES or self.options > MAX_VALUES:
            # Once is enough: what follows would say the same.
            refused, self.is_full = () if self.is_full else (problems.too_many_holes(span),), True
            raise SpecError(refused)
        self.listed.append(Options(len(self.listed), (), span))
        self.paths.append(path)
        self.written.append(())
        return len(self.listed) - 1

    def close(self, hole: Options, written: Iterable[Any]) -> Options:
        """A hole whose options are read, and how they are written."""
        self.listed[hole.position] = hole
        self.written[hole.position] = tuple(written)
        return hole
