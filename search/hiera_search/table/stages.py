"""One stage of the candidates: which there are, how deep, and what each makes of what flows in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hiera_search.table.lookups import ByOptions, Known, Steps
from hiera_search.table.reading import ALL_BUT_DEPTH, Reader, ReadStage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hiera_search.space import Space

Work = Callable[[int, int, ReadStage, bool], Sequence[int]]
"""Works out a step, from the number of a state, a place, the stage there, and whether it has more than one block."""


@dataclass(frozen=True)
class Walked:
    """One stage of many candidates: its depth, and the number of the step that it makes."""

    depths: NDArray[np.int64]
    refusals: NDArray[np.int32]
    steps: NDArray[np.int32]


class StageLookup:
    """Looks up the stage of one place in the list."""

    def __init__(self, space: Space, reader: Reader, index: int, work_out: Work) -> None:
        self.index, self._reader, self._work_out = index, reader, work_out
        path, digits = ("stages", index), space.digits()
        self._stages: dict[ReadStage, int] = {}
        self._listed: list[ReadStage] = []
        self._rest = ByOptions(space.below(path, without=("depth",)), digits, self._read, Known(stage=np.int32))
        depths = Known(depth=np.int64, refusal=np.int32)
        self._depth = ByOptions(
            space.below(path, without=tuple(ALL_BUT_DEPTH)), digits, lambda choice: reader.depth(index, choice), depths
        )
        numbers = ("state", "refusal", "first", "other", "map", "stem", "last")
        amounts = dict.fromkeys(("peak", "widest"), np.int64)
        self.steps = Steps(self._step, Known(**dict.fromkeys(numbers, np.int32), **amounts))

    def of(self, options: NDArray[np.int64], states: NDArray[np.int32]) -> Walked:
        """The stage of each candidate, from the states before it."""
        rest = self._rest.of(options)
        stages = self._rest.known.stage[rest]
        depth = self._depth.of(options)
        depths = self._depth.known.depth[depth]
        # A stage with more than one block has a repeating block too, which may not fit where the first one does.
        stages = 2 * stages + (depths > 1)
        return Walked(depths, self._depth.known.refusal[depth], self.steps.of(states, stages, 2 * len(self._listed)))

    def _read(self, choice: list[int]) -> tuple[int]:
        read = self._reader.stage(self.index, choice)
        if read not in self._stages:
            self._stages[read] = len(self._listed)
            self._listed.append(read)
        return (self._stages[read],)

    def _step(self, state: int, stage: int) -> Sequence[int]:
        return self._work_out(state, self.index, self._listed[stage // 2], stage % 2 == 1)
