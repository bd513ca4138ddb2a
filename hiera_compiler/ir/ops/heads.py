"""Primitives that see the channels of each attention head by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.layout import UnitLayout
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
    """Scores of keys for queries by distance: ``(units, queries, channels)`` to ``(units, heads, queries, keys)``.

    Distances along each axis have a learned vector of a head's width, which all heads share; a query's products with
    those of time, height and width are added up (MViTv2, section 4.1). `queries` and `keys` order the tokens; where
    one has fewer along an axis, its places lie as far apart as they do in the other. Distances are those inside a unit,
    and with `across_units` those on the whole grid, where there is one unit of all tokens. The scores of a class token
    are zero.
    """

    heads: int
    width: int
    queries: UnitLayout
    keys: UnitLayout
    across_units: bool
    class_token: bool = False

    def infer(self, *inputs: Shape) -> Shape:
        units, tokens, channels = tokens_of(inputs[0], "relative position")
        extra = int(self.class_token)
        if self.across_units:
            whole = prod(self.queries.units)
            require(units == whole, f"relative positions across units know {whole} of them, and {units} are there")
            units, tokens = 1, units * tokens
        queries, keys = (prod(sides) + extra for sides in self.sides)
        require(tokens == queries, f"{tokens} tokens meet a grid of {self.sides[0]}")
        require(channels == self.heads * self.width, f"{channels} channels meet {self.heads} heads of {self.width}")
        return (units, self.heads, tokens, keys)

    @property
    def sides(self) -> tuple[Shape, Shape]:
        """The grids of queries and of keys among which distances are measured."""
        if self.across_units:
            return self.queries.grid, self.keys.grid
        return self.queries.unit, self.keys.unit

    @property
    def folds(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        """The folds of queries and of keys; where all are pooled into one token, there still is one."""
        one = ((1,) * len(self.queries.units),)
        return self.queries.folds or one, self.keys.folds or one

    @property
    def factors(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        """The factors of these grids in the order of tokens, the slowest-varying first."""
        units = (self.queries.units,) if self.across_units else ()
        queries, keys = ((*units, *folds) for folds in self.folds)
        return queries, keys

    @property
    def lengths(self) -> dict[str, int]:
        """The number of distances along each axis."""
        axes = zip(("time", "height", "width")[-len(self.queries.units) :], *self.sides, strict=True)
        return {name: 2 * max(queries, keys) - 1 for name, queries, keys in axes}

    def weights(self) -> dict[str, Shape]:
        return {name: (length, self.width) for name, length in self.lengths.items()}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return self.width * self.acts(inputs, output)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        queries, keys = self.sides
        return output[0] * self.heads * prod(queries) * sum(keys)

    def scratch(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return self.acts(inputs, output)
