"""Primitives that need to know where tokens lie on the grid."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.layout import UnitLayout
from hiera_compiler.ir.op import Op, Shape, require, tokens_of


@dataclass(frozen=True)
class PadGrid(Op):
    """Zeros after the last row, column (and frame), so many along each axis."""

    padding: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        (*grid, channels) = inputs[0]
        require(len(grid) == len(self.padding), f"a padding of {self.padding} meets a grid of {tuple(grid)}")
        return (*(side + more for side, more in zip(grid, self.padding, strict=True)), channels)


@dataclass(frozen=True)
class CropGrid(Op):
    """The first rows and columns (and frames) of a grid, copied."""

    grid: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        (*grid, channels) = inputs[0]
        fits = len(grid) == len(self.grid) and all(wanted <= side for wanted, side in zip(self.grid, grid, strict=True))
        require(fits, f"{self.grid} tokens cannot be cut out of {tuple(grid)}")
        return (*self.grid, channels)

    def moved(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * prod(output)  # what is cut off is not read


@dataclass(frozen=True)
class RollGrid(Op):
    """A grid rolled backwards along each axis: what leaves at its start comes back at its end."""

    shift: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        (*grid, _) = inputs[0]
        require(len(grid) == len(self.shift), f"a shift of {self.shift} meets a grid of {tuple(grid)}")
        return inputs[0]


@dataclass(frozen=True)
class MergeTokens(Op):
    """Neighbouring tokens that become one, their channels side by side: patch merging (Swin, section 3.1).

    The offset along the first axis, which is an image's height, varies fastest among the neighbours.
    Units are merged each by itself; zeros stand in for neighbours beyond its border. ``before`` and ``after`` order the
    tokens of a unit.
    """

    before: UnitLayout
    after: UnitLayout
    stride: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "patch merging")
        require(tokens == prod(self.before.unit), f"{tokens} tokens a unit meet a unit of {self.before.unit}")
        sides = tuple(-(-side // step) for side, step in zip(self.before.unit, self.stride, strict=True))
        require(sides == self.after.unit, f"merging makes units of {sides}, and {self.after.unit} are wanted")
        return (units, prod(sides), prod(self.stride) * channels)

    def workspace(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        # The units as grids, with zeros where sides are odd; then what is merged, in the order of a grid.
        padded = any(side % step for side, step in zip(self.before.unit, self.stride, strict=True))
        grids = prod(output) if padded else prod(inputs[0]) if len(self.before.folds) > 1 else 0
        return grids + (prod(output) if len(self.after.folds) > 1 else 0)
