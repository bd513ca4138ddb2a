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
        return _slid_tokens(self, inputs[0])

    def workspace(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        # A maximum comes with the places that it is from, of 8 bytes each.
        return _copied(self, inputs[0], output, 2 * prod(output) if self.reduction == "max" else 0)


@dataclass(frozen=True)
class SlidingConvolution(Op):
    """A depth-wise convolution that slides as ``SlidingPool`` does; groups of `channels` channels share its weights."""

    channels: int
    before: UnitLayout
    after: UnitLayout
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        output = _slid_tokens(self, inputs[0])
        share = output[-1] % self.channels == 0
        require(share, f"{output[-1]} channels are not groups of {self.channels} that share a convolution")
        return output

    def weights(self) -> dict[str, Shape]:
        return {"weight": (self.channels, 1, *self.kernel)}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output) * prod(self.kernel)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output)

    def workspace(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return _copied(self, inputs[0], output, 0)


def _slid_tokens(op: SlidingPool | SlidingConvolution, shape: Shape) -> Shape:
    """The tokens that a sliding kernel makes of those of every unit."""
    units, tokens, channels = tokens_of(shape, "pooling")
    require(tokens == prod(op.before.unit), f"{tokens} tokens a unit meet a unit of {op.before.unit}")
    half = all(2 * pad <= size for pad, size in zip(op.padding, op.kernel, strict=True))
    require(half, f"a padding of {op.padding} is more than half the kernel of {op.kernel}")
    sides = slid(op.before.unit, op.kernel, op.stride, op.padding)
    require(min(sides) > 0, f"a kernel of {op.kernel} does not fit units of {op.before.unit}")
    require(sides == op.after.unit, f"pooling makes units of {sides}, and {op.after.unit} are wanted")
    return (units, prod(sides), channels)


def _copied(op: SlidingPool | SlidingConvolution, tokens: Shape, output: Shape, beside: int) -> int:
    """Elements held while a kernel slides: the units as images, then what is beside the result or it in its order.

    Units of one fold lie as images do, and nothing is copied.
    """
    images = prod(tokens) if len(op.before.folds) > 1 else 0
    return images + max(beside, prod(output) if len(op.after.folds) > 1 else 0)


def slid(
    sides: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...]
) -> tuple[int, ...]:
    """How often a kernel fits along each axis."""
    axes = zip(sides, kernel, stride, padding, strict=True)
    return tuple((side + 2 * pad - size) // step + 1 for side, size, step, pad in axes)
