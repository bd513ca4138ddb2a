"""Primitives that act on each token, or each number, by itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.op import Op, Shape, View, require


@dataclass(frozen=True)
class Add(Op):
    """The element-wise sum of two tensors, broadcast along axes of size 1."""

    def infer(self, *inputs: Shape) -> Shape:
        left, right = inputs
        fits = len(left) == len(right) and all(a == b or 1 in (a, b) for a, b in zip(left, right, strict=False))
        require(fits, f"shapes {left} and {right} cannot be added")
        return tuple(max(a, b) for a, b in zip(left, right, strict=True))


@dataclass(frozen=True)
class Norm(Op):
    """Layer normalisation over the channels, with scale and shift."""

    channels: int
    epsilon: float

    def infer(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require(x[-1] == self.channels, f"{x[-1]} channels meet a norm of {self.channels}")
        return x

    def weights(self) -> dict[str, Shape]:
        return {"weight": (self.channels,), "bias": (self.channels,)}

    def norm_macs(self, output: Shape) -> int:
        return 5 * prod(output)


@dataclass(frozen=True)
class Linear(Op):
    """A matrix product over the channels."""

    in_channels: int
    out_channels: int
    bias: bool = True

    def infer(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require(x[-1] == self.in_channels, f"{x[-1]} channels meet a linear layer of {self.in_channels}")
        return (*x[:-1], self.out_channels)

    def weights(self) -> dict[str, Shape]:
        weight: dict[str, Shape] = {"weight": (self.out_channels, self.in_channels)}
        return weight | {"bias": (self.out_channels,)} if self.bias else weight

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output) * self.in_channels

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output)


@dataclass(frozen=True)
class Split(View):
    """One of ``parts`` equal slices of the channels."""

    parts: int
    index: int

    def infer(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require(x[-1] % self.parts == 0, f"{x[-1]} channels do not split into {self.parts}")
        return (*x[:-1], x[-1] // self.parts)


@dataclass(frozen=True)
class Activate(Op):
    """An element-wise activation function."""

    function: str

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class DropPath(View):
    """Stochastic depth: in training, a sample's whole branch is zero with this probability."""

    rate: float

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class Dropout(View):
    """In training, each element is zero with this probability."""

    rate: float

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class LayerScale(Op):
    """A learned factor for each channel, which starts at ``initial`` (Touvron et al., 2021)."""

    channels: int
    initial: float

    def infer(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require(x[-1] == self.channels, f"{x[-1]} channels meet a layer scale of {self.channels}")
        return x

    def weights(self) -> dict[str, Shape]:
        return {"gamma": (self.channels,)}


@dataclass(frozen=True)
class JoinChannels(Op):
    """Two tensors of equal tokens side by side in the channels."""

    def infer(self, *inputs: Shape) -> Shape:
        left, right = inputs
        require(left[:-1] == right[:-1], f"tokens of {left[:-1]} and {right[:-1]} cannot stand side by side")
        return (*left[:-1], left[-1] + right[-1])
