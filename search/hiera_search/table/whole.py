"""Prices of candidates by compiling each by itself: of models whose figures no table adds up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.predict import MILLISECOND, predict
from hiera_compiler.pipeline import Compilation
from hiera_search.space import Refused
from hiera_search.table.columns import Columns
from hiera_search.table.parts import LARGEST, capacity, memory_bytes
from hiera_search.table.refusals import adopt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hiera_compiler.estimate.profiles import Profile
    from hiera_compiler.pipeline import Task
    from hiera_search.space import Space

NOTHING = (0, 0, 0, 0, 0, 0)
"""The figures of what is refused."""


class Whole:
    """Prices candidates of a space as ``Table`` does, for any task; some twenty a second."""

    def __init__(self, space: Space, task: Task, profile: Profile | None = None, batch: int = 1) -> None:
        self.space, self.task, self.profile, self.batch = space, task, profile, batch
        self.codes = [""]
        self.distinct = 0
        """How many candidates were compiled so far."""

    def adopt(self, codes: Sequence[str]) -> None:
        """Number codes as another search did. Raises ValueError once this one has met other codes."""
        adopt(self.codes, codes)

    def price(self, choices: NDArray[np.int32]) -> Columns:
        """The figures of candidates: one row for each, with the index of an option for each hole of the space."""
        found = Columns.empty(len(choices))
        arrays = found.arrays()
        self.distinct += len(choices)
        for row, choice in enumerate(choices.tolist()):
            code, figures = self._figures(choice)
            if code not in self.codes:
                self.codes.append(code)
            for array, value in zip(arrays.values(), (self.codes.index(code), *figures), strict=True):
                array[row] = min(value, LARGEST)
        return found

    def _figures(self, choice: list[int]) -> tuple[str, tuple[int, ...]]:
        """The code that refuses a candidate, or the empty text; and its figures in the order of ``Columns``."""
        try:
            made = Compilation(self.space.fill(choice), self.task)
            graph, cost = made.graph, made.cost
            femtoseconds = 0
            if self.profile is not None:
                femtoseconds = round(predict(graph, self.profile, self.batch).latency_ms * MILLISECOND)
        except Refused as refused:
            return refused.code, NOTHING
        except SpecError as error:
            return error.diagnostics[0].code, NOTHING
        size = sum(stage.depth * capacity(stage) for stage in made.spec.stages)
        memory = memory_bytes(graph, cost.params, self.profile, self.batch)
        return "", (cost.params, cost.macs, cost.flops, memory, size, femtoseconds)
