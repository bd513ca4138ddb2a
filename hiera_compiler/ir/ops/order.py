"""Primitives that reorder, keep or reduce tokens."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.layout import UnitLayout
from hiera_compiler.ir.op import Op, Shape, View, require, tokens_of


@dataclass(frozen=True)
class ToUnits(Op):
    """Raster order to window-major order: ``(*grid, channels)`` to ``(units, tokens, channels)``."""

    layout: UnitLayout

    def infer(self, *inputs: Shape) -> Shape:
        (grid,) = inputs
        require(grid[:-1] == self.layout.grid, f"a grid of {grid[:-1]} tokens meets units for {self.layout.grid}")
        return (prod(self.layout.units), prod(self.layout.unit), grid[-1])


@dataclass(frozen=True)
class ToGrid(Op):
    """Window-major order back to raster order: ``(units, tokens, channels)`` to ``(*grid, channels)``.

    Where only some units are kept, the units stay apart: ``(kept units, *unit, channels)``.
    """

    layout: UnitLayout

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "a return to the grid")
        require(tokens == prod(self.layout.unit), f"{tokens} tokens a unit meet a unit of {self.layout.unit}")
        if units != prod(self.layout.units):
            return (units, *self.layout.unit, channels)
        return (*self.layout.grid, channels)


@dataclass(frozen=True)
class KeepUnits(Op):
    """The gather of whole mask units that masked pretraining keeps; the count is static."""

    count: int

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "a selection of mask units")
        require(1 <= self.count <= units, f"{self.count} of {units} mask units cannot be kept")
        return (self.count, tokens, channels)

    def writes(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 0 if inputs[0] == output else prod(output)

    def moved(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * self.writes(inputs, output)  # what is dropped is not read


@dataclass(frozen=True)
class Mean(Op):
    """The mean over all tokens: ``(units, tokens, channels)`` to ``(channels,)``."""

    def infer(self, *inputs: Shape) -> Shape:
        return (tokens_of(inputs[0], "the mean over tokens")[2],)


@dataclass(frozen=True)
class JoinTokens(Op):
    """Tokens of one unit behind those of another: ``(1, m, channels)`` and ``(1, n, channels)`` give ``m + n``."""

    def infer(self, *inputs: Shape) -> Shape:
        front, x = (tokens_of(shape, "a joining of tokens") for shape in inputs)
        require(front[0] == x[0] == 1, f"tokens in {front[0]} units cannot be put before tokens in {x[0]}")
        require(front[2] == x[2], f"tokens of {front[2]} channels meet tokens of {x[2]}")
        return (1, front[1] + x[1], x[2])


@dataclass(frozen=True)
class SliceTokens(View):
    """The tokens of every unit from ``start`` on, up to and without ``stop``."""

    start: int
    stop: int

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "a slice of tokens")
        require(0 <= self.start < self.stop <= tokens, f"tokens {self.start} to {self.stop} are not among {tokens}")
        return (units, self.stop - self.start, channels)


@dataclass(frozen=True)
class FirstToken(View):
    """The first token: ``(1, tokens, channels)`` to ``(channels,)``."""

    def infer(self, *inputs: Shape) -> Shape:
        units, _, channels = tokens_of(inputs[0], "the first token")
        require(units == 1, f"there is no first token of {units} units")
        return (channels,)


@dataclass(frozen=True)
class AsGrid(View):
    """Tokens in raster order as a grid: ``(1, tokens, channels)`` to ``(*grid, channels)``, without moving them."""

    grid: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "a grid")
        require(units == 1, f"tokens in {units} units are no grid in raster order")
        require(tokens == prod(self.grid), f"{tokens} tokens meet a grid of {self.grid}")
        return (*self.grid, channels)


@dataclass(frozen=True)
class AsTokens(View):
    """A grid as tokens in raster order: ``(*grid, channels)`` to ``(1, tokens, channels)``, without moving them."""

    def infer(self, *inputs: Shape) -> Shape:
        (*grid, channels) = inputs[0]
        return (1, prod(grid), channels)
