"""Pooling."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.layout import UnitLayout
from hiera_compiler.ir.op import Op, Shape, require, tokens_of


@dataclass(frozen=True)
class Pool(Op):
    """A reduction over the leading fold of each unit's tokens: non-overlapping pooling by that fold."""

    reduction: str
    fold: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "pooling")
        size = prod(self.fold)
        require(tokens % size == 0, f"a unit of {tokens} tokens cannot be pooled by {size}")
        return (units, tokens // size, channels)


@dataclass(frozen=True)
class SlidingPool(Op):
    """A reduction under a kernel that slides over each unit by itself, as over an image of its own.

    So a kernel that overlaps sees padding where a unit ends, and never another unit: "separate-and-pad" (Hiera,
    Figure 4d). Without mask units the one unit is the whole grid. ``before`` and ``after`` order the tokens of a
    unit; ``max`` pads with nothing, ``mean`` with zeros that count.
    """

    reduction: str
    before: UnitLayout
    after: UnitLayout
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "pooling")
        require(tokens == prod(self.before.unit), f"{tokens} tokens a unit meet a unit of {self.before.unit}")
        sides = slid(self.before.unit, self.kernel, self.stride, self.padding)
        require(sides == self.after.unit, f"pooling makes units of {sides}, and {self.after.unit} are wanted")
        return (units, prod(sides), channels)

    def scratch(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output)


def slid(
    sides: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...]
) -> tuple[int, ...]:
    """How often a kernel fits along each axis."""
    axes = zip(sides, kernel, stride, padding, strict=True)
    return tuple((side + 2 * pad - size) // step + 1 for side, size, step, pad in axes)
