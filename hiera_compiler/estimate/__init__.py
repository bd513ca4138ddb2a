"""Graph to numbers, without torch."""

from hiera_compiler.estimate.cost import Cost, KindCost, StageCost, cost, counts_by
from hiera_compiler.estimate.counts import ELEMENT_BYTES, Counts, bytes_moved
from hiera_compiler.estimate.memory import peak_activation_bytes

__all__ = [
    "ELEMENT_BYTES",
    "Cost",
    "Counts",
    "KindCost",
    "StageCost",
    "bytes_moved",
    "cost",
    "counts_by",
    "peak_activation_bytes",
]
