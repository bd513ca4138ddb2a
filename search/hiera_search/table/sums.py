"""Adding up the figures of parts, for many candidates at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hiera_compiler import checks
from hiera_compiler.estimate.batch_limit import batch_limit
from hiera_compiler.estimate.memory import inference_bytes
from hiera_compiler.estimate.predict import host_time
from hiera_search.table.columns import Columns
from hiera_search.table.figures import ADDED, LARGEST, MOST_ELEMENTS, element_bytes
from hiera_search.table.lookups import Known
from hiera_search.table.parts import Parts
from hiera_search.table.refusals import LAWFUL, Refusals

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARAMS, LATENCY, LAUNCHES = ADDED.index("params"), ADDED.index("latency"), ADDED.index("launches")
_LARGEST_PART = 2**52
"""Sums of 1 000 blocks stay below 2^63 where no part has more than this."""


@dataclass(frozen=True)
class Walked:
    """One stage of many candidates: its depth, and its step among those known."""

    depths: NDArray[np.int64]
    steps: NDArray[np.int32]
    known: Known


class Path:
    """The parts that make up each of many candidates, and what refuses them."""

    def __init__(self, refusals: NDArray[np.int32]) -> None:
        self.refusals = refusals
        self.depth: NDArray[np.int64] = np.zeros(len(refusals), np.int64)
        self.stages: list[Walked] = []
        self.ends: list[NDArray[np.int32]] = []

    def add(self, depths: NDArray[np.int64], steps: NDArray[np.int32], known: Known) -> None:
        """Append the next stage of each, looked up among what is known."""
        np.minimum(self.refusals, known.refusal[steps], out=self.refusals)
        self.depth += depths
        self.stages.append(Walked(depths, steps, known))

    def end(self, parts: NDArray[np.int32], refusals: NDArray[np.int32]) -> None:
        """Append what comes after the last stage of each."""
        np.minimum(self.refusals, refusals, out=self.refusals)
        self.ends.append(parts)

    def refuse(self, which: NDArray[np.bool_], number: int) -> None:
        """Refuse some, unless something that is reported earlier does."""
        self.refusals[which] = np.minimum(self.refusals[which], number)


class Sums:
    """Sums of the figures of parts."""

    def __init__(self, parts: Parts, refusals: Refusals) -> None:
        self._parts, self._refusals = parts, refusals
        self._added: NDArray[np.int64] = np.zeros((len(ADDED), 0), np.int64)
        self._others: dict[str, NDArray[np.int64]] = {}

    def add_up(self, path: Path, found: Columns, rows: slice) -> None:
        """Put the figures of candidates into some rows of what is found."""
        self._take_over()
        totals, peak = self._totals(path, self._added)
        memory = self._memory(totals[PARAMS], peak)
        if self._added.max(initial=0) > _LARGEST_PART or self._others["peak"].max(initial=0) > _LARGEST_PART:
            self._saturate(path, totals, memory, peak)
        self._limit(path, totals[PARAMS])
        lawful = path.refusals == LAWFUL
        if not lawful.all():
            totals *= lawful
            memory *= lawful
        found.refused[rows] = self._refusals.codes_of(path.refusals)
        found.memory[rows] = memory
        for name, total in zip(ADDED, totals, strict=True):
            if name != "launches":
                getattr(found, name)[rows] = total

    def _take_over(self) -> None:
        """Arrays of the parts that were worked out since."""
        figures = self._parts.figures
        known = self._added.shape[1]
        if known < len(figures):
            new = np.array([[getattr(one, name) for one in figures[known:]] for name in ADDED], np.int64)
            self._added = np.concatenate([self._added, new], axis=1)
            for name in ("kept", "peak", "widest", "ending", "ending_launches"):
                more = np.array([getattr(one, name) for one in figures[known:]], np.int64)
                self._others[name] = np.concatenate([self._others.get(name, more[:0]), more])

    def _totals(self, path: Path, added: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The sum of each added figure, and elements at the peak."""
        others, count = self._others, len(path.refusals)
        totals = np.zeros((len(ADDED), count), added.dtype)
        kept = peak = np.zeros(count, np.int64)
        for place, walked in enumerate(path.stages):
            steps, known = walked.steps, walked.known
            if place == 0:
                stems = known.stem[steps]
                totals += added.take(stems, axis=1)
                kept, peak = others["kept"][stems], others["peak"][stems]
            np.maximum(peak, kept + known.peak[steps], out=peak)
            totals += added.take(known.first[steps], axis=1)
            more = added.take(known.other[steps], axis=1)
            more *= np.where(known.summed[steps], 1, walked.depths - 1) if known.summed.any() else walked.depths - 1
            totals += more
            if known.map.any():  # outputs where there is no head, and ends of stages that are held
                maps, last = known.map[steps], np.where(known.map[steps] > 0, known.last[steps], 0)
                totals += added.take(maps, axis=1)
                totals[LATENCY] += others["ending"][last]
                totals[LAUNCHES] += others["ending_launches"][last]
                kept = np.minimum(kept + others["kept"][maps], MOST_ELEMENTS)
        for parts in path.ends:
            totals += added.take(parts, axis=1)
            np.maximum(peak, kept + others["peak"][parts], out=peak)
            kept = kept + others["kept"][parts]
        profile = self._parts.profile
        if profile is not None and (host := host_time(profile)):
            # Device and host work side by side: the slower of the two is waited for.
            np.maximum(totals[LATENCY], totals[LAUNCHES] * host, out=totals[LATENCY])
        return totals, peak

    def _memory(self, params: NDArray[Any], peak: NDArray[Any]) -> NDArray[Any]:
        return inference_bytes(params, peak, element_bytes(self._parts.profile))

    def _saturate(
        self, path: Path, totals: NDArray[np.int64], memory: NDArray[np.int64], peak: NDArray[np.int64]
    ) -> None:
        """Where a sum is beyond 64 bits, the largest number that is not."""
        exact, _ = self._totals(path, self._added.astype(np.float64))
        totals[exact >= LARGEST] = LARGEST
        memory[self._memory(exact[PARAMS], peak.astype(np.float64)) >= LARGEST] = LARGEST

    def _limit(self, path: Path, params: NDArray[np.int64]) -> None:
        """Refuse what the limits on a whole model refuse."""
        for limit, total in ((checks.BLOCK_LIMIT, path.depth), (checks.PARAMETER_LIMIT, params)):
            if total.max(initial=0) > limit.most:
                path.refuse(total > limit.most, self._refusals.limit(limit.rank, limit.code))
        profile, batch = self._parts.profile, self._parts.batch
        if profile is None or not len(params):
            return
        widest = max(1, self._others["widest"].max())
        if batch > batch_limit(float(params.max()), float(widest), profile):
            lacking = batch > batch_limit(params.astype(np.float64), np.maximum(1.0, self._widest(path)), profile)
            path.refuse(lacking, self._refusals.no_room())

    def _widest(self, path: Path) -> NDArray[np.int64]:
        """The most elements of a sample around one primitive."""
        widest = np.zeros(len(path.refusals), np.int64)
        for parts in path.ends:
            np.maximum(widest, self._others["widest"][parts], out=widest)
        for place, walked in enumerate(path.stages):
            if place == 0:
                np.maximum(widest, self._others["widest"][walked.known.stem[walked.steps]], out=widest)
            np.maximum(widest, walked.known.widest[walked.steps], out=widest)
        return widest
