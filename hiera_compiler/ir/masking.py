"""The primitives of masking: some mask units are seen, the others are predicted (Hiera, section 3).

Which units a sample keeps is data and how many is not, so every shape is static.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.graph import Graph
from hiera_compiler.ir.layout import UnitLayout
from hiera_compiler.ir.op import Op, Shape, View, require, tokens_of
from hiera_compiler.ir.ops.stem import PatchEmbed


@dataclass(frozen=True)
class PatchEmbedKept(Op):
    """The patch embedding of the kept mask units alone: pixels to ``(kept units, tokens, channels)``.

    Each unit is convolved with the pixels that its border patches reach beyond it; there the pixels of dropped
    units are zero, as they are where the whole image is convolved.
    """

    embed: PatchEmbed
    layout: UnitLayout
    count: int

    def infer(self, *inputs: Shape) -> Shape:
        grid = self.embed.infer(*inputs)
        require(grid[:-1] == self.layout.grid, f"a grid of {grid[:-1]} tokens meets units for {self.layout.grid}")
        units = prod(self.layout.units)
        require(1 <= self.count <= units, f"{self.count} of {units} mask units cannot be kept")
        return (self.count, prod(self.layout.unit), self.embed.out_channels)

    @property
    def window(self) -> Shape:
        """The pixels along each axis that a unit's tokens read."""
        axes = zip(self.layout.unit, self.embed.kernel, self.embed.stride, strict=True)
        return tuple((side - 1) * stride + kernel for side, kernel, stride in axes)

    def weights(self) -> dict[str, Shape]:
        return self.embed.weights()

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return self.embed.macs(inputs, output)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return self.embed.acts(inputs, output)

    def moved(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return self.count * self.embed.in_channels * prod(self.window) + prod(output)


@dataclass(frozen=True)
class AddKept(Op):
    """The sum of the kept units and of their rows in a table of all units."""

    def infer(self, *inputs: Shape) -> Shape:
        kept, table = (tokens_of(shape, "a sum of mask units") for shape in inputs)
        require(kept[0] <= table[0] and kept[1:] == table[1:], f"units {kept} are not among those of a table {table}")
        return kept

    def moved(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 3 * prod(output)  # what is dropped is not read


@dataclass(frozen=True)
class UnitConv(Op):
    """A convolution inside each mask unit whose kernel is its stride: the tokens of its folds become one.

    The folds are the leading ones of the unit's layout, so the neighbours that meet are the leading part of its run.
    """

    in_channels: int
    out_channels: int
    folds: tuple[tuple[int, ...], ...]

    @property
    def kernel(self) -> tuple[int, ...]:
        """The size of the kernel along each axis, in tokens."""
        return tuple(prod(axis) for axis in zip(*self.folds, strict=True))

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "a convolution inside mask units")
        size = prod(self.kernel)
        require(channels == self.in_channels, f"{channels} channels meet a convolution of {self.in_channels}")
        require(tokens % size == 0, f"a unit of {tokens} tokens cannot be cut into pieces of {size}")
        return (units, tokens // size, self.out_channels)

    def weights(self) -> dict[str, Shape]:
        return {"weight": (self.out_channels, self.in_channels, *self.kernel), "bias": (self.out_channels,)}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output) * self.in_channels * prod(self.kernel)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output)


@dataclass(frozen=True)
class MaskedTokens(Op):
    """The tokens of the units that are not kept, of those of all places in raster order: ``(masked, channels)``.

    ``layout`` is that of the mask units, of which so many are ``kept``.
    """

    layout: UnitLayout
    kept: int

    def infer(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        tokens = prod(self.layout.grid)
        require(prod(x[:-1]) == tokens, f"{prod(x[:-1])} tokens meet units for {tokens}")
        return (tokens - self.seen, x[-1])

    @property
    def units(self) -> int:
        """The number of mask units, kept and dropped."""
        return prod(self.layout.units)

    @property
    def seen(self) -> int:
        """The number of tokens of the units that are kept."""
        return self.kept * prod(self.layout.unit)

    def moved(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * prod(output)  # what is kept is not read


@dataclass(frozen=True)
class LastTokens(View):
    """The masked tokens ``(1, masked, channels)`` of a decoder's ``(1, tokens, channels)``: behind those ``seen``."""

    seen: int

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "taking masked tokens")
        require(units == 1, f"the tokens of {units} units have no order")
        require(0 < self.seen < tokens, f"{self.seen} seen tokens leave no masked one of {tokens}")
        return (1, tokens - self.seen, channels)


def masking(graph: Graph) -> MaskedTokens:
    """What a masked autoencoder takes as masked: it tells how units lie, and how many are kept."""
    return next(node.op for node in graph if isinstance(node.op, MaskedTokens))
