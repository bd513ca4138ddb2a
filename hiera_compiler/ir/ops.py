"""The primitives. Each infers its output shape and states its weights and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.layout import UnitLayout
from hiera_compiler.ir.op import Op, Shape, View, require


def _tokens(shape: Shape, op: str) -> Shape:
    require(len(shape) == 3, f"{op} needs (units, tokens, channels), got {shape}")
    return shape


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
class Add(Op):
    """The element-wise sum of two tensors, broadcast along axes of size 1."""

    def infer(self, *inputs: Shape) -> Shape:
        left, right = inputs
        fits = len(left) == len(right) and all(a == b or 1 in (a, b) for a, b in zip(left, right, strict=False))
        require(fits, f"shapes {left} and {right} cannot be added")
        return tuple(max(a, b) for a, b in zip(left, right, strict=True))


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
        units, tokens, channels = _tokens(inputs[0], "a return to the grid")
        require(tokens == prod(self.layout.unit), f"{tokens} tokens a unit meet a unit of {self.layout.unit}")
        if units != prod(self.layout.units):
            return (units, *self.layout.unit, channels)
        return (*self.layout.grid, channels)


@dataclass(frozen=True)
class KeepUnits(Op):
    """The gather of whole mask units that masked pretraining keeps; the count is static."""

    count: int

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = _tokens(inputs[0], "a selection of mask units")
        require(1 <= self.count <= units, f"{self.count} of {units} mask units cannot be kept")
        return (self.count, tokens, channels)

    def writes(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 0 if inputs[0] == output else prod(output)

    def moved(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * self.writes(inputs, output)  # what is dropped is not read


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
    """A matrix product over the channels, with bias."""

    in_channels: int
    out_channels: int

    def infer(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require(x[-1] == self.in_channels, f"{x[-1]} channels meet a linear layer of {self.in_channels}")
        return (*x[:-1], self.out_channels)

    def weights(self) -> dict[str, Shape]:
        return {"weight": (self.out_channels, self.in_channels), "bias": (self.out_channels,)}

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
class Pool(Op):
    """A reduction over the leading fold of each unit's tokens: non-overlapping pooling by that fold."""

    reduction: str
    fold: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = _tokens(inputs[0], "pooling")
        size = prod(self.fold)
        require(tokens % size == 0, f"a unit of {tokens} tokens cannot be pooled by {size}")
        return (units, tokens // size, channels)


@dataclass(frozen=True)
class Attend(Op):
    """Softmax attention of queries to keys and values, each unit by itself or across all units."""

    heads: int
    across_units: bool

    def infer(self, *inputs: Shape) -> Shape:
        query, key, value = (_tokens(shape, "attention") for shape in inputs)
        require(key == value, f"keys of {key} meet values of {value}")
        require(query[0] == key[0], f"queries in {query[0]} units meet keys in {key[0]}")
        require(query[2] == key[2], f"queries of {query[2]} channels meet keys of {key[2]}")
        require(query[2] % self.heads == 0, f"{query[2]} channels do not split into {self.heads} heads")
        return query

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * prod(output) * self._keys_seen(inputs)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return self._scores(inputs) + prod(output)

    def scratch(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        # The scores before and after the softmax, and the values in the order that the second product wants.
        return 2 * self._scores(inputs) + prod(inputs[2])

    def _keys_seen(self, inputs: tuple[Shape, ...]) -> int:
        """The keys that each query attends to."""
        units, keys, _ = inputs[1]
        return units * keys if self.across_units else keys

    def _scores(self, inputs: tuple[Shape, ...]) -> int:
        """The attention matrix of all heads, where it is materialised."""
        units, queries, _ = inputs[0]
        return self.heads * units * queries * self._keys_seen(inputs)


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
class Mean(Op):
    """The mean over all tokens: ``(units, tokens, channels)`` to ``(channels,)``."""

    def infer(self, *inputs: Shape) -> Shape:
        return (_tokens(inputs[0], "the mean over tokens")[2],)
