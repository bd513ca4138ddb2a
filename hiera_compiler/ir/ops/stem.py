"""Primitives of the stem: from pixels to a grid of tokens that know where they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.op import Op, Shape, View, require


@dataclass(frozen=True)
class Input(View):
    """The image ``(channels, height, width)`` or clip ``(channels, frames, height, width)``."""

    shape: Shape

    def infer(self, *inputs: Shape) -> Shape:
        return self.shape

    def writes(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output)


@dataclass(frozen=True)
class PatchEmbed(Op):
    """A strided convolution from pixels to a grid of tokens in raster order, channels last."""

    in_channels: int
    out_channels: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        (image,) = inputs
        require(
            len(image) == len(self.kernel) + 1,
            f"a patch kernel of {len(self.kernel)} axes meets an input of {len(image) - 1}",
        )
        require(image[0] == self.in_channels, f"{image[0]} input channels meet a patch of {self.in_channels}")
        return (*self.grid(image[1:]), self.out_channels)

    def grid(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """The token grid of an input of this size, in pixels (and frames)."""
        axes = zip(size, self.kernel, self.stride, self.padding, strict=True)
        grid = tuple((n + 2 * pad - kernel) // stride + 1 for n, kernel, stride, pad in axes)
        require(all(n > 0 for n in grid), f"a patch kernel of {self.kernel} does not fit an input of {size}")
        return grid

    def weights(self) -> dict[str, Shape]:
        return {
            "weight": (self.out_channels, self.in_channels, *self.kernel),
            "bias": (self.out_channels,),
        }

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output) * self.in_channels * prod(self.kernel)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output)


@dataclass(frozen=True)
class Table(View):
    """A learned table with one row per place of a grid, broadcast along the grid's axes of size 1."""

    grid: tuple[int, ...]
    channels: int

    def infer(self, *inputs: Shape) -> Shape:
        return (*self.grid, self.channels)

    def weights(self) -> dict[str, Shape]:
        return {"": (1, prod(self.grid), self.channels)}


@dataclass(frozen=True)
class Sinusoid(View):
    """A fixed table of sines and cosines of each place's number in raster order, one row per place of a grid.

    Channels 2i and 2i + 1 hold sine and cosine of ``place / 10000^(2i / channels)`` (Vaswani et al., 2017).
    """

    grid: tuple[int, ...]
    channels: int

    def infer(self, *inputs: Shape) -> Shape:
        return (*self.grid, self.channels)


@dataclass(frozen=True)
class ResizeTable(Op):
    """A table of a plane stretched to another grid by bicubic interpolation, antialiased where it shrinks or not."""

    grid: tuple[int, ...]
    antialias: bool

    def infer(self, *inputs: Shape) -> Shape:
        return (*self.grid, _plane(inputs[0])[-1])


@dataclass(frozen=True)
class TileTable(Op):
    """A table of a plane repeated over a grid; the last repetition is cut where it does not fit."""

    grid: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        return (*self.grid, _plane(inputs[0])[-1])


def _plane(table: Shape) -> Shape:
    require(len(table) == 3, f"a table of a plane is needed, got {table}")
    return table
