"""Primitives of maps: grids of tokens whose neighbours meet, as a neck wants them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.op import Op, Shape, require


@dataclass(frozen=True)
class Convolution(Op):
    """A convolution that keeps the sides of a map: stride 1, and zeros around it by half the (odd) kernel."""

    in_channels: int
    out_channels: int
    kernel: tuple[int, ...]
    bias: bool = True

    def infer(self, *inputs: Shape) -> Shape:
        grid = _grid(inputs[0], self.in_channels, self.kernel)
        require(all(side % 2 for side in self.kernel), f"a kernel of {self.kernel} has no middle")
        return (*grid, self.out_channels)

    def weights(self) -> dict[str, Shape]:
        weight: dict[str, Shape] = {"weight": (self.out_channels, self.in_channels, *self.kernel)}
        return weight | {"bias": (self.out_channels,)} if self.bias else weight

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output) * self.in_channels * prod(self.kernel)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output)


@dataclass(frozen=True)
class TransposedConvolution(Op):
    """A transposed convolution whose kernel is its stride: each token of a map becomes as many as the kernel has."""

    in_channels: int
    out_channels: int
    kernel: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        grid = _grid(inputs[0], self.in_channels, self.kernel)
        return (*(side * step for side, step in zip(grid, self.kernel, strict=True)), self.out_channels)

    def weights(self) -> dict[str, Shape]:
        return {"weight": (self.in_channels, self.out_channels, *self.kernel), "bias": (self.out_channels,)}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output) * self.in_channels

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output)


@dataclass(frozen=True)
class Upsample(Op):
    """Each token of a map repeated so often along each axis: nearest neighbours on a finer grid."""

    factors: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        (*grid, channels) = inputs[0]
        require(len(grid) == len(self.factors), f"factors of {self.factors} meet a grid of {tuple(grid)}")
        return (*(side * factor for side, factor in zip(grid, self.factors, strict=True)), channels)


def _grid(shape: Shape, channels: int, kernel: tuple[int, ...]) -> tuple[int, ...]:
    """The grid of a map that a kernel meets."""
    (*grid, given) = shape
    require(len(grid) == len(kernel), f"a kernel of {kernel} meets a grid of {tuple(grid)}")
    require(given == channels, f"{given} channels meet a convolution of {channels}")
    return tuple(grid)
