"""The figures of parts: each distinct stem, block, map, neck, head, fusion and decoder is lowered once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING

from hiera_compiler import checks
from hiera_compiler.estimate.batch_limit import widest_pair
from hiera_compiler.estimate.cost import counts_by
from hiera_compiler.estimate.counts import NOTHING
from hiera_compiler.estimate.kernels import part_kernels, part_steps
from hiera_compiler.estimate.memory import part_memory
from hiera_compiler.estimate.predict import SectionTime, section_time
from hiera_compiler.ir.builder import LoweringError
from hiera_compiler.lower import Flow, Part
from hiera_search.table.figures import LARGEST, MOST_ELEMENTS, Figures, added
from hiera_search.table.reading import source_of

if TYPE_CHECKING:
    from hiera_compiler.estimate.profiles import Profile
    from hiera_compiler.estimate.tensor import DType
    from hiera_compiler.ir import Graph

    DTypes = tuple[DType | None, ...]

NO_TIME = SectionTime((), 0, 0)


@dataclass(frozen=True)
class Stream:
    """What flows between two parts: tokens, and their dtype where a profile says one."""

    flow: Flow
    dtype: DType | None


@dataclass(frozen=True)
class Made:
    """A part that was worked out: the number of its figures, and what flows out of it."""

    number: int
    out: Stream


@dataclass(frozen=True)
class Unfit:
    """A part that cannot be lowered: the code of what refuses it."""

    code: str


class Refused(Exception):  # noqa: N818 - not an error: refuses a candidate
    """A part that cannot be lowered; its code."""


@dataclass(frozen=True)
class Place:
    """Where a part stands, as far as its time depends on it.

    `enters_open` and `leaves_open` are those of ``part_kernels``; `may_end`: a block may end a stage whose end is read
    again, and then leaves closed; `run`: the part is run at all, which the maps of a classifier are not; `held`: what
    flows into a block is held beyond it.
    """

    enters_open: bool = False
    leaves_open: bool = False
    may_end: bool = False
    run: bool = True
    held: bool = False


class Parts:
    """Figures of parts by number; 0 is no part at all."""

    def __init__(self, profile: Profile | None, batch: int) -> None:
        self.profile, self.batch = profile, batch
        self.figures = [Figures()]
        self._sums: dict[Hashable, int] = {}
        self._known: dict[Hashable, Made | Unfit] = {}
        self._alike: dict[Hashable, tuple[int, DType | None]] = {}

    def get(self, key: Hashable, lower: Callable[[], Part], dtypes: DTypes, place: Place, capacity: int = 0) -> Made:
        """The part of a key, which must tell all that its figures depend on. Raises Refused if it cannot be lowered.

        `dtypes` are those of what flows in.
        """
        made = self._made(key, lower, dtypes, place, capacity)
        if isinstance(made, Unfit):
            raise Refused(made.code)
        return made

    def _made(
        self, key: Hashable, lower: Callable[[], Part], dtypes: DTypes, place: Place, capacity: int
    ) -> Made | Unfit:
        if key not in self._known:
            try:
                part = lower()
            except LoweringError as error:
                self._known[key] = unfit = Unfit(checks.check_lowering(error, source_of(None)).code)
                return unfit
            # Parts that a kind lowered to the same primitives cost the same, whatever else it could have looked at.
            alike = (place, dtypes, capacity, part_steps(part.graph))
            if alike not in self._alike:
                figures, leaving = self._worked_out(part.graph, dtypes, place, capacity)
                self._alike[alike] = len(self.figures), leaving
                self.figures.append(figures)
            number, leaving = self._alike[alike]
            self._known[key] = Made(number, Stream(part.flow, leaving))
        return self._known[key]

    def sum(self, numbers: Sequence[int]) -> int:
        """The number of a part that stands for several, one after the other, which may be alike."""
        key = ("sum", tuple(sorted(numbers)))
        if key not in self._sums:
            self._sums[key] = len(self.figures)
            self.figures.append(Figures(**added([self.figures[number] for number in numbers])))
        return self._sums[key]

    def chain(self, numbers: Sequence[int]) -> int:
        """The number of a part that stands for several in this order, all that they add and are at most."""
        key = ("chain", tuple(numbers))
        if key not in self._sums:
            parts = [self.figures[number] for number in numbers]
            kept = [0, *accumulate(part.kept for part in parts)]
            peak = max(before + part.peak for before, part in zip(kept, parts, strict=False))
            widest = max(part.widest for part in parts)
            self._sums[key] = len(self.figures)
            self.figures.append(Figures(**added(parts), kept=kept[-1], peak=peak, widest=widest))
        return self._sums[key]

    def held(self, stream: Stream) -> int:
        """The number of a part that does nothing but keep what flows."""
        key = ("held", stream.flow.shape)
        if key not in self._sums:
            self._sums[key] = len(self.figures)
            self.figures.append(Figures(kept=min(self.batch * prod(stream.flow.shape), MOST_ELEMENTS)))
        return self._sums[key]

    def with_weights(self, number: int, idle: int) -> int:
        """The number of a part that has the weights of one more, which is not run."""
        key = ("with weights", number, idle)
        if key not in self._sums:
            run, other = self.figures[number], self.figures[idle]
            params = min(run.params + other.params, LARGEST)
            self._sums[key] = len(self.figures)
            self.figures.append(replace(run, params=params, widest=max(run.widest, other.widest)))
        return self._sums[key]

    def _worked_out(self, graph: Graph, dtypes: DTypes, place: Place, capacity: int) -> tuple[Figures, DType | None]:
        """The figures of a part, and the dtype that leaves it."""
        counts, memory = counts_by(graph, lambda _: None).get(None, NOTHING), part_memory(graph, self.batch)
        time, last, leaving = self._time(graph, dtypes, place)
        figures = Figures(
            params=min(counts.params, LARGEST),
            macs=min(counts.macs, LARGEST),
            flops=min(counts.flops, LARGEST),
            capacity=capacity,
            latency=min(time.total, LARGEST),
            launches=time.launches,
            kept=min(memory.kept, MOST_ELEMENTS),
            peak=min(memory.peak, MOST_ELEMENTS) if place.run else 0,
            widest=min(widest_pair(graph), MOST_ELEMENTS),
            ending=last.total - time.total,
            ending_launches=last.launches - time.launches,
        )
        return figures, leaving

    def _time(self, graph: Graph, dtypes: DTypes, place: Place) -> tuple[SectionTime, SectionTime, DType | None]:
        """The time of a part where it stands, and where it ends a stage; and the dtype that leaves it."""
        profile = self.profile
        if profile is None or not place.run:
            return NO_TIME, NO_TIME, dtypes[0] if dtypes else None
        regime, entering, known = profile.regime, place.enters_open, [dtype for dtype in dtypes if dtype is not None]
        kernels = part_kernels(graph, regime, known, enters_open=entering, leaves_open=place.leaves_open)
        (leaving, *_) = kernels.leaving.values()
        time = section_time(kernels, profile, self.batch)
        if not place.may_end:
            return time, time, leaving
        last = part_kernels(graph, regime, known, enters_open=entering, leaves_open=False)
        return time, section_time(last, profile, self.batch), leaving
