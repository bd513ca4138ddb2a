"""Attention."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.op import Op, Shape, require, tokens_of


@dataclass(frozen=True)
class Attend(Op):
    """Softmax attention of queries to keys and values, each unit by itself or across all units.

    A fourth input is added to the scores: ``(units, heads, queries, keys)``, broadcast along axes of size 1, where
    across all units there is one unit of all tokens. Attention then is two products, and no fused kernel.
    """

    heads: int
    across_units: bool

    def infer(self, *inputs: Shape) -> Shape:
        query, key, value = (tokens_of(shape, "attention") for shape in inputs[:3])
        require(key == value, f"keys of {key} meet values of {value}")
        require(query[0] == key[0], f"queries in {query[0]} units meet keys in {key[0]}")
        require(query[2] == key[2], f"queries of {query[2]} channels meet keys of {key[2]}")
        require(query[2] % self.heads == 0, f"{query[2]} channels do not split into {self.heads} heads")
        for bias in inputs[3:]:
            rows = 1 if self.across_units else query[0]
            scores = (rows, self.heads, prod(query[:2]) // rows, self._keys_seen(inputs))
            fits = len(bias) == 4 and all(a in (1, b) for a, b in zip(bias, scores, strict=True))
            require(fits, f"a bias of {bias} cannot be added to scores of {scores}")
        return query

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * prod(output) * self._keys_seen(inputs)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return self._scores(inputs) + prod(output)

    def scratch(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        # The scores before and after the softmax, and the values in the order that the second product wants.
        return 2 * self._scores(inputs) + prod(inputs[2])

    def workspace(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return self.scratch(inputs, output) if len(inputs) == 4 else 0

    def _keys_seen(self, inputs: tuple[Shape, ...]) -> int:
        """The keys that each query attends to."""
        units, keys, _ = inputs[1]
        return units * keys if self.across_units else keys

    def _scores(self, inputs: tuple[Shape, ...]) -> int:
        """The attention matrix of all heads, where it is materialised."""
        units, queries, _ = inputs[0]
        return self.heads * units * queries * self._keys_seen(inputs)
