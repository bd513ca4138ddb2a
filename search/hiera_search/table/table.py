"""The table: figures of candidates by look-up and addition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hiera_compiler.spec import Spec
from hiera_search.table.columns import Columns
from hiera_search.table.endings import Endings
from hiera_search.table.lookups import ByOptions, Known, Listed, Steps
from hiera_search.table.parts import Parts, Stream
from hiera_search.table.reading import ALL_BUT_POOL, MOST_STAGES, Reader, ReadStage
from hiera_search.table.refusals import LAWFUL, Refusals
from hiera_search.table.stages import StageLookup
from hiera_search.table.states import REFUSED, Frame
from hiera_search.table.sums import Path, Sums
from hiera_search.table.transitions import Transitions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hiera_compiler.estimate.profiles import Profile
    from hiera_compiler.pipeline import Task
    from hiera_search.space import Space

CHUNK = 1 << 14
"""Candidates that are priced together: their arrays stay in the processor's cache."""


class Table:
    """Prices candidates of a space, with times on a profile, or without times.

    `batch` is that of the memory and of the latency; memory is in the dtype of the profile's weights, or in float32.
    """

    def __init__(self, space: Space, profile: Profile | None = None, batch: int = 1, task: Task = "classify") -> None:
        self.space, self.profile, self.batch, self.task = space, profile, batch, task
        self._refusals = Refusals()
        self._parts = Parts(profile, batch)
        self._transitions = Transitions(self._parts, self._refusals, task)
        self._endings = Endings(self._parts, self._refusals)
        self._sums = Sums(self._parts, self._refusals)
        self._states, self._frames = Listed([REFUSED]), Listed[Frame | None]()
        self._latents, self._specs = Listed[Stream | None]([None]), Listed[Spec | None]([None])
        self._ends = Known(part=np.int32, refusal=np.int32, latent=np.int32)
        self._decoders = Steps(self._decoder, Known(part=np.int32, refusal=np.int32))
        reader = Reader(space, self._refusals)
        count = min(space.length(("stages",)), MOST_STAGES)
        self._stages = [StageLookup(space, reader, index, self._rule, self._step) for index in range(count)]
        below = [space.below((), without=("stages",))]
        below += [space.below(("stages", index), without=tuple(ALL_BUT_POOL)) for index in range(count)]
        self._trunks = ByOptions(
            sorted({hole for holes in below for hole in holes}),
            space.digits(),
            lambda choice: self._start(reader, choice, count),
            Known(state=np.int32, frame=np.int32, refusal=np.int32, spec=np.int32),
        )

    @property
    def codes(self) -> list[str]:
        """The refusal codes met so far; the first is empty and means lawful."""
        return self._refusals.codes

    @property
    def distinct(self) -> int:
        """How many parts were lowered so far: stems, blocks, maps, necks, heads, fusions and decoders."""
        return len(self._parts.figures) - 1

    def adopt(self, codes: Sequence[str]) -> None:
        """Number codes as another table did. Raises ValueError once this one has met other codes."""
        known = self.codes
        if list(codes[: len(known)]) != known:
            raise ValueError(f"codes are numbered already: {known}")
        known.extend(codes[len(known) :])

    def price(self, choices: NDArray[np.int32]) -> Columns:
        """The figures of candidates: one row for each, with the index of an option for each hole of the space."""
        found = Columns.empty(len(choices))
        for start in range(0, len(choices), CHUNK):
            rows = slice(start, start + CHUNK)
            self._sums.add_up(self._walk(choices[rows]), found, rows)
        return found

    def _walk(self, choices: NDArray[np.int32]) -> Path:
        """From the first stage to the last, each step from the state that the one before led to."""
        options = np.ascontiguousarray(choices.T, np.int64)
        trunks, known = self._trunks.of(options), self._trunks.known
        refusals, frames = known.refusal[trunks], known.frame[trunks]
        reads = [stage.read(options, frames) for stage in self._stages]
        for read in reads:
            np.minimum(refusals, read.refusals, out=refusals)
        # What a rule refuses is not lowered: its state is the one without anything.
        states = np.where(refusals == LAWFUL, known.state[trunks], self._states[REFUSED])
        path = Path(refusals)
        for stage, read in zip(self._stages, reads, strict=True):
            steps = stage.walk(read, states)
            path.add(read.depths, steps, stage.steps.known)
            states = stage.steps.known.state[steps]
        ends = self._end(states)
        path.end(ends.part[states], ends.refusal[states])
        if len(self._latents.listed) > 1:
            found = self._decoders.of(ends.latent[states], known.spec[trunks], len(self._specs.listed))
            path.end(self._decoders.known.part[found], self._decoders.known.refusal[found])
        return path

    def _start(self, reader: Reader, choice: list[int], stages: int) -> tuple[int, int, int, int]:
        state, frame, refusal = self._transitions.start(*reader.trunk(choice, stages))
        spec = self._specs[frame.spec] if frame is not None and frame.unpooled is not None else 0
        return self._states[state], self._frames[frame], refusal, spec

    def _rule(self, frame: int, index: int, stage: ReadStage) -> int:
        return self._transitions.rule(self._frames.listed[frame], index, stage)

    def _step(self, state: int, index: int, stage: ReadStage, deep: bool) -> Sequence[int]:
        step = self._transitions.step(self._states.listed[state], index, stage, deep)
        return self._states[step.state], *step[1:]

    def _end(self, states: NDArray[np.int32]) -> Known:
        """What comes after each state, as the number of a part, and what refuses it; -1 where never asked."""
        listed, known = self._states.listed, self._ends
        if len(known.part) < len(listed):
            known.extend([(-1, LAWFUL, 0)] * (len(listed) - len(known.part)))
        for state in np.unique(states[known.part[states] < 0]).tolist():
            end = self._endings.of(listed[state])
            known.part[state], known.refusal[state], known.latent[state] = *end[:2], self._latents[end.latent]
        return known

    def _decoder(self, latent: int, spec: int) -> tuple[int, int]:
        """What follows a latent, as the number of a part, and what refuses it."""
        left, said = self._latents.listed[latent], self._specs.listed[spec]
        return (0, LAWFUL) if left is None or said is None else self._endings.decoder(said, left)
