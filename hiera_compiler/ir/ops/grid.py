"""Primitives on a grid of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.op import Op, Shape, require


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
