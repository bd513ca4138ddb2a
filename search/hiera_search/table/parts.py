"""The figures of parts: each distinct stem, block, map and head is lowered once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiera_compiler.estimate.cost import counts_by
from hiera_compiler.estimate.counts import ELEMENT_BYTES, NOTHING
from hiera_compiler.estimate.kernels import part_kernels
from hiera_compiler.estimate.memory import inference_bytes, part_memory, peak_activation_bytes
from hiera_compiler.estimate.predict import section_time, widest_pair
from hiera_compiler.estimate.tensor import BYTES
from hiera_compiler.ir.builder import LoweringError
from hiera_compiler.lower import Flow, Part

if TYPE_CHECKING:
    from hiera_compiler.estimate.profiles import Profile
    from hiera_compiler.estimate.tensor import DType
    from hiera_compiler.ir import Graph
    from hiera_compiler.spec import Stage


def capacity(stage: Stage) -> int:
    """What one block of a stage adds to the capacity of a model: its channels."""
    return stage.channels


def memory_bytes(graph: Graph, params: int, profile: Profile | None, batch: int) -> int:
    """Bytes of the weights and of the activations at their peak, for one batch in the dtype of a profile's weights."""
    return inference_bytes(params, peak_activation_bytes(graph, batch, 1), element_bytes(profile))


def element_bytes(profile: Profile | None) -> int:
    """Bytes of an element of the weights: float32 without a profile, as in `hiera profile`."""
    return ELEMENT_BYTES["float32"] if profile is None else BYTES[profile.regime.weights]


@dataclass(frozen=True)
class Figures:
    """What a part adds to a candidate. Those after `kept` do not add up: they are the most, or about the last part.

    `peak` and `kept` are elements of a batch as in ``PartMemory``, `widest` the elements of a sample that the widest
    primitive reads and writes, `ending` the femtoseconds that a block takes longer where nothing comes after it.
    """

    params: int = 0
    macs: int = 0
    flops: int = 0
    capacity: int = 0
    latency: int = 0
    kept: int = 0
    peak: int = 0
    widest: int = 0
    ending: int = 0


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


class Parts:
    """Figures of parts by number; 0 is no part at all."""

    def __init__(self, profile: Profile | None, batch: int) -> None:
        self.profile, self.batch = profile, batch
        self.figures = [Figures()]
        self._known: dict[Hashable, Made | None] = {}

    def get(
        self,
        key: Hashable,
        lower: Callable[[], Part],
        entry: Stream | None,
        *,
        capacity: int = 0,
        follows_stem: bool = False,
        ends: bool = False,
        may_end: bool = False,
        timed: bool = True,
    ) -> Made | None:
        """The part of a key, which must tell all that its figures depend on; none where it cannot be lowered.

        Of its time: `follows_stem`, it is the first block; `ends`, nothing comes after it; `may_end`, that may be;
        `timed`, it is run at all.
        """
        if key in self._known:
            return self._known[key]
        try:
            part = lower()
        except LoweringError:
            self._known[key] = None
            return None
        counts, memory = counts_by(part.graph, lambda _: None).get(None, NOTHING), part_memory(part.graph, self.batch)
        latency, ending, dtype = 0, 0, None
        if timed:
            latency, ending, dtype = self._time(part.graph, entry, follows_stem, ends, may_end)
        made = Made(len(self.figures), Stream(part.flow, dtype))
        self.figures.append(
            Figures(
                params=counts.params,
                macs=counts.macs,
                flops=counts.flops,
                capacity=capacity,
                latency=latency,
                kept=memory.kept,
                peak=memory.peak,
                widest=widest_pair(part.graph),
                ending=ending,
            )
        )
        self._known[key] = made
        return made

    def _time(
        self, graph: Graph, entry: Stream | None, follows_stem: bool, ends: bool, may_end: bool
    ) -> tuple[int, int, DType | None]:
        profile = self.profile
        if profile is None:
            return 0, 0, None
        dtype = None if entry is None else entry.dtype
        kernels = part_kernels(graph, profile.regime, dtype, follows_stem=follows_stem, ends=ends)
        time = section_time(kernels, profile, self.batch).total
        if not may_end:
            return time, 0, kernels.dtype
        last = part_kernels(graph, profile.regime, dtype, follows_stem=follows_stem, ends=True)
        return time, section_time(last, profile, self.batch).total - time, kernels.dtype
