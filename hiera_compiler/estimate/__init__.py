"""Graph to numbers, without torch."""

from hiera_compiler.estimate.cost import Cost, StageCost, cost

__all__ = ["Cost", "StageCost", "cost"]
