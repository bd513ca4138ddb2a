"""The primitives. Each infers its output shape and states its weights and its multiply-accumulates.

One multiply-add counts as one MAC. ``macs`` counts matrix products and convolutions only (what
``torch.utils.flop_counter`` counts, at two FLOPs each); ``norm_macs`` is what fvcore, and so the Hiera
paper, adds for normalisation: five per element.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.layout import UnitLayout

Shape = tuple[int, ...]


class ShapeError(Exception):
    """The inputs of a primitive do not fit it; the message says which sizes meet."""


@dataclass(frozen=True)
class Op:
    """A primitive of the graph: a pure function of its inputs and weights."""

    def infer(self, *inputs: Shape) -> Shape:
        """The output shape for these input shapes; raises ShapeError where they do not fit."""
        raise NotImplementedError

    def weights(self) -> dict[str, Shape]:
        """Parameter shapes by suffix to the node's name; the empty suffix is the name itself."""
        return {}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Multiply-accumulates of matrix products and convolutions for one sample."""
        return 0

    def norm_macs(self, output: Shape) -> int:
        """Multiply-accumulates that fvcore counts for normalisation, for one sample."""
        return 0


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ShapeError(message)


def _tokens(shape: Shape, op: str) -> Shape:
    _require(len(shape) == 3, f"{op} needs (units, tokens, channels), got {shape}")
    return shape


@dataclass(frozen=True)
class Input(Op):
    """The image ``(channels, height, width)`` or clip ``(channels, frames, height, width)``."""

    shape: Shape

    def infer(self, *inputs: Shape) -> Shape:
        return self.shape


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
        _require(
            len(image) == len(self.kernel) + 1,
            f"a patch kernel of {len(self.kernel)} axes meets an input of {len(image) - 1}",
        )
        _require(image[0] == self.in_channels, f"{image[0]} input channels meet a patch of {self.in_channels}")
        return (*self.grid(image[1:]), self.out_channels)

    def grid(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """The token grid of an input of this size, in pixels (and frames)."""
        axes = zip(size, self.kernel, self.stride, self.padding, strict=True)
        grid = tuple((n + 2 * pad - kernel) // stride + 1 for n, kernel, stride, pad in axes)
        _require(all(n > 0 for n in grid), f"a patch kernel of {self.kernel} does not fit an input of {size}")
        return grid

    def weights(self) -> dict[str, Shape]:
        return {
            "weight": (self.out_channels, self.in_channels, *self.kernel),
            "bias": (self.out_channels,),
        }

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output) * self.in_channels * prod(self.kernel)


@dataclass(frozen=True)
class Table(Op):
    """A learned table with one row per place of a grid, broadcast along the grid's axes of size 1."""

    grid: tuple[int, ...]
    channels: int

    def infer(self, *inputs: Shape) -> Shape:
        return (*self.grid, self.channels)

    def weights(self) -> dict[str, Shape]:
        return {"": (1, prod(self.grid), self.channels)}


@dataclass(frozen=True)
class Add(Op):
    """The element-wise sum of two tensors, broadcast along axes of size 1."""

    def infer(self, *inputs: Shape) -> Shape:
        left, right = inputs
        fits = len(left) == len(right) and all(
            a == b or 1 in (a, b) for a, b in zip(left, right, strict=False)
        )
        _require(fits, f"shapes {left} and {right} cannot be added")
        return tuple(max(a, b) for a, b in zip(left, right, strict=True))


@dataclass(frozen=True)
class ToUnits(Op):
    """Raster order to window-major order: ``(*grid, channels)`` to ``(units, tokens, channels)``."""

    layout: UnitLayout

    def infer(self, *inputs: Shape) -> Shape:
        (grid,) = inputs
        _require(grid[:-1] == self.layout.grid, f"a grid of {grid[:-1]} tokens meets units for {self.layout.grid}")
        return (prod(self.layout.units), prod(self.layout.unit), grid[-1])


@dataclass(frozen=True)
class ToGrid(Op):
    """Window-major order back to raster order: ``(units, tokens, channels)`` to ``(*grid, channels)``.

    Where only some units are kept, the units stay apart: ``(kept units, *unit, channels)``.
    """

    layout: UnitLayout

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = _tokens(inputs[0], "a return to the grid")
        _require(tokens == prod(self.layout.unit), f"{tokens} tokens a unit meet a unit of {self.layout.unit}")
        if units != prod(self.layout.units):
            return (units, *self.layout.unit, channels)
        return (*self.layout.grid, channels)


@dataclass(frozen=True)
class KeepUnits(Op):
    """The gather of whole mask units that masked pretraining keeps; the count is static."""

    count: int

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = _tokens(inputs[0], "a selection of mask units")
        _require(1 <= self.count <= units, f"{self.count} of {units} mask units cannot be kept")
        return (self.count, tokens, channels)


@dataclass(frozen=True)
class Norm(Op):
    """Layer normalisation over the channels, with scale and shift."""

    channels: int
    epsilon: float

    def infer(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        _require(x[-1] == self.channels, f"{x[-1]} channels meet a norm of {self.channels}")
        return x

    def weights(self) -> dict[str, Shape]:
        return {"weight": (self.channels,), "bias": (self.channels,)}

    def norm_macs(self, output: Shape) -> int:
        return 5 * prod(output)


@dataclass(frozen=True)
class Linear(Op):
    """A matrix product over the channels, with bias."""

    in_channels: int
    out_channels: int

    def infer(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        _require(x[-1] == self.in_channels, f"{x[-1]} channels meet a linear layer of {self.in_channels}")
        return (*x[:-1], self.out_channels)

    def weights(self) -> dict[str, Shape]:
        return {"weight": (self.out_channels, self.in_channels), "bias": (self.out_channels,)}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(output) * self.in_channels


@dataclass(frozen=True)
class Split(Op):
    """One of ``parts`` equal slices of the channels."""

    parts: int
    index: int

    def infer(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        _require(x[-1] % self.parts == 0, f"{x[-1]} channels do not split into {self.parts}")
        return (*x[:-1], x[-1] // self.parts)


@dataclass(frozen=True)
class Pool(Op):
    """A reduction over the leading fold of each unit's tokens: non-overlapping pooling by that fold."""

    reduction: str
    fold: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = _tokens(inputs[0], "pooling")
        size = prod(self.fold)
        _require(tokens % size == 0, f"a unit of {tokens} tokens cannot be pooled by {size}")
        return (units, tokens // size, channels)


@dataclass(frozen=True)
class Attend(Op):
    """Softmax attention of queries to keys and values, each unit by itself or across all units."""

    heads: int
    across_units: bool

    def infer(self, *inputs: Shape) -> Shape:
        query, key, value = (_tokens(shape, "attention") for shape in inputs)
        _require(key == value, f"keys of {key} meet values of {value}")
        _require(query[0] == key[0], f"queries in {query[0]} units meet keys in {key[0]}")
        _require(query[2] == key[2], f"queries of {query[2]} channels meet keys of {key[2]}")
        _require(query[2] % self.heads == 0, f"{query[2]} channels do not split into {self.heads} heads")
        return query

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        query, key, _ = inputs
        keys_seen = key[0] * key[1] if self.across_units else key[1]
        return 2 * prod(query) * keys_seen


@dataclass(frozen=True)
class Activate(Op):
    """An element-wise activation function."""

    function: str

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class DropPath(Op):
    """Stochastic depth: in training, a sample's whole branch is zero with this probability."""

    rate: float

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class Dropout(Op):
    """In training, each element is zero with this probability."""

    rate: float

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class Mean(Op):
    """The mean over all tokens: ``(units, tokens, channels)`` to ``(channels,)``."""

    def infer(self, *inputs: Shape) -> Shape:
        return (_tokens(inputs[0], "the mean over tokens")[2],)
