"""What a part adds to a candidate, and what a candidate's figures are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiera_compiler.estimate.counts import ELEMENT_BYTES
from hiera_compiler.estimate.memory import inference_bytes, peak_activation_bytes
from hiera_compiler.estimate.tensor import BYTES

if TYPE_CHECKING:
    from hiera_compiler.estimate.profiles import Profile
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


ADDED = ("params", "macs", "flops", "capacity", "latency", "launches")
"""The figures that add up."""
LARGEST = 2**63 - 1
MOST_ELEMENTS = 2**62 - 1
"""More than any memory has; the sum of two is still a number of 64 bits."""


@dataclass(frozen=True)
class Figures:
    """What a part adds to a candidate. Those after `kept` do not add up: they are the most, or about the last part.

    `peak` and `kept` are elements of a batch as in ``PartMemory``, `widest` the elements of a sample that the widest
    primitive reads and writes, `ending` and `ending_launches` the femtoseconds that a block takes longer, and its
    kernels that are more, where it ends a stage whose end is read again.
    """

    params: int = 0
    macs: int = 0
    flops: int = 0
    capacity: int = 0
    latency: int = 0
    launches: int = 0
    kept: int = 0
    peak: int = 0
    widest: int = 0
    ending: int = 0
    ending_launches: int = 0


def added(parts: Sequence[Figures]) -> dict[str, int]:
    """The sum over parts of each figure that adds up."""
    times = Counter(parts).items()
    return {name: min(sum(count * getattr(part, name) for part, count in times), LARGEST) for name in ADDED}
