"""Graph to numbers, without torch."""

from hiera_compiler.estimate.cost import Cost, KindCost, StageCost, cost, counts_by
from hiera_compiler.estimate.counts import Counts
from hiera_compiler.estimate.memory import peak_activation_bytes

__all__ = ["Cost", "Counts", "KindCost", "StageCost", "cost", "counts_by", "peak_activation_bytes"]
