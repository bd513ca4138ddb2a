"""One stage of the candidates: which there are, how deep, and what each makes of what flows in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hiera_search.table.lookups import ByOptions, Known, Listed, Steps
from hiera_search.table.reading import ALL_BUT_DEPTH, Reader, ReadStage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hiera_search.space import Space

Rule = Callable[[int, int, ReadStage], int]
"""What refuses a stage, from the number of a frame, a place, and the stage there."""
Work = Callable[[int, int, ReadStage, bool], Sequence[int]]
"""Works out a step, from the number of a state, a place, the stage there, and whether it has more than one block."""


@dataclass(frozen=True)
class Read:
    """One stage of many candidates: its number, its depth, and what refuses it."""

    stages: NDArray[np.int32]
    depths: NDArray[np.int64]
    refusals: NDArray[np.int32]


class StageLookup:
    """Looks up the stage of one place in the list."""

    def __init__(self, space: Space, reader: Reader, index: int, rule: Rule, work_out: Work) -> None:
        self.index, self._reader, self._rule, self._work_out = index, reader, rule, work_out
        path, digits = ("stages", index), space.digits()
        self._stages = Listed[ReadStage]()
        self._rest = ByOptions(
            space.below(path, without=reader.without(index)), digits, self._read, Known(stage=np.int32)
        )
        depths = Known(depth=np.int64, refusal=np.int32)
        self._depth = ByOptions(
            space.below(path, without=tuple(ALL_BUT_DEPTH)), digits, lambda choice: reader.depth(index, choice), depths
        )
        self._rules = Steps(self._refusal, Known(refusal=np.int32))
        numbers = ("state", "refusal", "first", "other", "summed", "map", "stem", "last")
        amounts = dict.fromkeys(("peak", "widest"), np.int64)
        self.steps = Steps(self._step, Known(**dict.fromkeys(numbers, np.int32), **amounts))

    def read(self, options: NDArray[np.int64], frames: NDArray[np.int32]) -> Read:
        """The stage of each candidate, in the frames that its trunk makes."""
        rest, depth = self._rest.of(options), self._depth.of(options)
        stages, depths = self._rest.known.stage[rest], self._depth.known.depth[depth]
        rules = self._rules.of(frames, stages, len(self._stages.listed))
        refusals = np.minimum(self._depth.known.refusal[depth], self._rules.known.refusal[rules])
        return Read(stages, depths, refusals)

    def walk(self, read: Read, states: NDArray[np.int32]) -> NDArray[np.int32]:
        """The number of the step that each candidate makes, from the states before its stage."""
        # A stage with more than one block has a repeating block too, which may not fit where the first one does.
        stages = 2 * read.stages + (read.depths > 1)
        return self.steps.of(states, stages, 2 * len(self._stages.listed))

    def _read(self, choice: list[int]) -> tuple[int]:
        return (self._stages[self._reader.stage(self.index, choice)],)

    def _refusal(self, frame: int, stage: int) -> tuple[int]:
        return (self._rule(frame, self.index, self._stages.listed[stage]),)

    def _step(self, state: int, stage: int) -> Sequence[int]:
        return self._work_out(state, self.index, self._stages.listed[stage // 2], stage % 2 == 1)
