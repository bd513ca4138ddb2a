"""Primitives that see the channels of each attention head by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.op import Op, Shape, View, require, tokens_of


@dataclass(frozen=True)
class SplitHeads(View):
    """The channels of each head apart: ``(units, tokens, channels)`` to ``(units, tokens, heads, width)``."""

    heads: int

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "a split into heads")
        require(channels % self.heads == 0, f"{channels} channels do not split into {self.heads} heads")
        return (units, tokens, self.heads, channels // self.heads)


@dataclass(frozen=True)
class JoinHeads(View):
    """The channels of all heads side by side: ``(units, tokens, heads, width)`` to ``(units, tokens, channels)``."""

    def infer(self, *inputs: Shape) -> Shape:
        require(len(inputs[0]) == 4, f"a joining of heads needs (units, tokens, heads, width), got {inputs[0]}")
        *tokens, heads, width = inputs[0]
        return (*tokens, heads * width)


@dataclass(frozen=True)
class RelativePosition(Op):
    """Scores of each key for each query by their distance: ``(1, queries, channels)`` to ``(1, heads, queries, keys)``.

    Distances along each axis have a learned vector of a head's width, which all heads share; a query's products with
    those of time, height and width are added up (MViTv2, section 4.1). `queries` and `keys` are grids; where one is
    coarser, its places lie as far apart as they do in the other. The scores of a class token are zero.
    """

    heads: int
    width: int
    queries: tuple[int, ...]
    keys: tuple[int, ...]
    class_token: bool = False

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "relative position")
        extra = int(self.class_token)
        require(units == 1, f"relative positions are those of a whole grid, and the tokens lie in {units} mask units")
        require(tokens == prod(self.queries) + extra, f"{tokens} tokens meet a grid of {self.queries}")
        require(channels == self.heads * self.width, f"{channels} channels meet {self.heads} heads of {self.width}")
        return (1, self.heads, tokens, prod(self.keys) + extra)

    @property
    def lengths(self) -> dict[str, int]:
        """The number of distances along each axis."""
        axes = zip(("time", "height", "width")[-len(self.queries) :], self.queries, self.keys, strict=True)
        return {name: 2 * max(queries, keys) - 1 for name, queries, keys in axes}

    def weights(self) -> dict[str, Shape]:
        return {name: (length, self.width) for name, length in self.lengths.items()}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(self.queries) * self.heads * self.width * sum(self.keys)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(self.queries) * self.heads * sum(self.keys)

    def scratch(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return prod(self.queries) * self.heads * sum(self.keys)
