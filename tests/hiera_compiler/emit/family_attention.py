"""Attention of every kind by definition: which tokens see which, and what is added to their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.hiera_compiler.emit.family_layers import Function, Layers, Place, Tokens, padded, places, pooled_sides


@dataclass(frozen=True)
class Attending:
    """The attention of a block; ``odd`` says that it is the second of its stage, the fourth, and so on."""

    layers: Layers
    name: str
    kind: Any
    channels: int
    heads: int
    pool: Any
    odd: bool

    def of(self, x: Tokens) -> Tokens:
        attended = {"window": self._in_windows, "pooled": self._pooled}.get(self.kind.kind, self._plain)(x)
        return attended.each(self.layers.linear(f"{self.name}.proj"))

    def _projected(self, x: Tokens, *pools: Callable[[Tokens, int], Tokens]) -> list[Tokens]:
        """Queries, keys and values, pooled before their layers or after them; these see no heads yet, those do."""
        if getattr(self.kind, "pool_first", False):
            parts = zip(("query", "key", "value"), pools, strict=True)
            return [pool(x, 1).each(self.layers.linear(f"{self.name}.{part}")) for part, pool in parts]
        qkv = x.each(self.layers.linear(f"{self.name}.qkv"))
        return [pool(qkv.each(part(index)), self.heads) for index, pool in enumerate(pools)]

    def _query(self, x: Tokens, heads: int) -> Tokens:
        return x if self.pool is None else self.layers.pooled(f"{self.name}.pooled_query", self.pool, x, heads)

    def _plain(self, x: Tokens) -> Tokens:
        query, key, value = self._projected(x, self._query, as_it_is, as_it_is)
        if self.kind.kind == "global":
            return self._everywhere(query, key, value)
        pieces = {
            place: self._inside(query.pieces[place], key.pieces[place], value.pieces[place]) for place in query.pieces
        }
        return Tokens(pieces, None, query.units)

    def _pooled(self, x: Tokens) -> Tokens:
        kind, stride = self.kind, (1,) * len(x.unit) if self.pool is None else self.pool.stride
        of_keys = kind.kv_pool or kind.pool
        query, key, value = self._projected(
            x,
            lambda x, heads: self._strided("pool_q", kind.pool, x, stride, heads),
            lambda x, heads: self._strided("pool_k", of_keys, x, kind.kv_stride, heads),
            lambda x, heads: self._strided("pool_v", of_keys, x, kind.kv_stride, heads),
        )
        if kind.window is None:
            attended = self._everywhere(query, key, value)
        else:
            spans = [side * step for side, step in zip(kind.window, stride, strict=True)]
            beside = tuple(span // step for span, step in zip(spans, kind.kv_stride, strict=True))
            attended = self._window_by_window(query, key, value, kind.window, beside)
        return attended.plus(query, with_token=kind.residual_token) if kind.residual else attended

    def _strided(self, name: str, pool: Any, x: Tokens, stride: Place, heads: int) -> Tokens:
        overlaps = (pool.kernel or stride) != stride or any(pool.padding or ())
        if max(stride) == 1 and not (overlaps and self.kind.unit_stride):
            return x
        return self.layers.pooled(f"{self.name}.{name}", pool, x, heads, stride)

    def _window_by_window(self, query: Tokens, key: Tokens, value: Tokens, window: Place, of_keys: Place) -> Tokens:
        (whole,) = query.pieces
        counts = [-(-side // step) for side, step in zip(query.unit, window, strict=True)]
        q, k, v = (
            cut(x.pieces[whole], counts, side) for x, side in ((query, window), (key, of_keys), (value, of_keys))
        )
        found = {place: self._inside(q[place], k[place], v[place]) for place in places(counts)}
        grid = Tokens(found, None, tuple(counts)).map()
        return Tokens({whole: grid[tuple(slice(side) for side in query.unit)]}, None, query.units)

    def _in_windows(self, x: Tokens) -> Tokens:
        """Zeros fill up the last windows. Where windows are shifted, those at the end hold tokens of both ends."""
        ((whole, grid),) = x.pieces.items()
        window, stride = self.kind.window, (1,) * len(x.unit) if self.pool is None else self.pool.stride
        counts = [-(-side // step) for side, step in zip(x.unit, window, strict=True)]
        sides = [count * side for count, side in zip(counts, window, strict=True)]
        moves = self.kind.shift and self.odd and self.pool is None
        shift = [side // 2 if moves and count > 1 else 0 for side, count in zip(window, counts, strict=True)]
        filled = padded(grid, [0] * len(sides), [side - had for side, had in zip(sides, x.unit, strict=True)])
        found: dict[Place, Tensor] = {}
        for index in places(counts):
            inside = [
                tuple(
                    (i * n + p + by) % side for i, n, p, by, side in zip(index, window, at, shift, sides, strict=True)
                )
                for at in places(window)
            ]
            from_start = [tuple(place < by for place, by in zip(at, shift, strict=True)) for at in inside]
            apart = torch.tensor([[one != other for other in from_start] for one in from_start])
            alone = Tokens({whole: torch.stack([filled[at] for at in inside]).reshape(*window, -1)}, None, x.units)
            q, k, v = (tokens.pieces[whole] for tokens in self._projected(alone, self._query, as_it_is, as_it_is))
            attended = self._inside(q, k, v, -100.0 * apart if any(shift) else 0.0, stride)
            if self.pool is not None:
                at = places(q.shape[:-1])
                inside = [tuple(i * s + p for i, s, p in zip(index, q.shape, place, strict=False)) for place in at]
            found |= dict(zip(inside, attended.flatten(0, -2), strict=True))
        left = x.unit if self.pool is None else pooled_sides(self.pool, x.unit)
        return Tokens({whole: torch.stack([found[at] for at in places(left)]).reshape(*left, -1)}, None, x.units)

    def _everywhere(self, query: Tokens, key: Tokens, value: Tokens) -> Tokens:
        bias: Tensor | float = 0.0
        if self.kind.relative == "decomposed":
            grids = [[n * side for n, side in zip(x.units, x.unit, strict=True)] for x in (query, key)]
            first = int(query.token is not None)
            scores = self._by_distance(query.rows()[first:], (query.places(), key.places()), grids)
            bias = F.pad(scores, (first, 0, first, 0))
        return query.like(self._softmax(query.rows(), key.rows(), value.rows(), bias))

    def _inside(
        self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | float = 0.0, stride: Sequence[int] = ()
    ) -> Tensor:
        """Attention among the tokens ``[*sides, channels]`` of one window."""
        q, k, v = (x.flatten(0, -2) for x in (query, key, value))
        seen = places(query.shape[:-1]), places(key.shape[:-1])
        if self.kind.relative == "decomposed":
            bias = bias + self._by_distance(q, seen, (query.shape, key.shape))
        if getattr(self.kind, "relative_bias", False):
            bias = bias + self._by_offset(seen, key.shape[:-1], stride)
        return self._softmax(q, k, v, bias).reshape(query.shape)

    def _softmax(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | float) -> Tensor:
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(0, 1) for x in (query, key, value))
        weights = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5 + bias).exp()
        attended: Tensor = weights / weights.sum(-1, keepdim=True) @ v
        return attended.transpose(0, 1).flatten(1)

    def _by_distance(self, rows: Tensor, at: Sequence[list[Place]], grids: Sequence[Sequence[int]]) -> Tensor:
        """Products of queries and vectors of their distances, ``[heads, queries, keys]`` (MViTv2, equation 4)."""
        query, total = rows.unflatten(-1, (self.heads, -1)), []
        axes = ("time", "height", "width")[-len(at[0][0]) :]
        for axis, (name, own, other) in enumerate(zip(axes, *grids, strict=False)):
            scale, of_keys = max(other / own, 1.0), max(own / other, 1.0)
            distance = torch.tensor(
                [[int(q[axis] * scale - k[axis] * of_keys + (other - 1) * of_keys) for k in at[1]] for q in at[0]]
            )
            vectors = self.layers.weights[f"{self.name}.rel_pos.{name}"][distance]
            total.append(torch.einsum("qhc,qkc->hqk", query, vectors))
        return torch.stack(total).sum(0)

    def _by_offset(self, at: Sequence[list[Place]], window: Sequence[int], stride: Sequence[int]) -> Tensor:
        """A learned number for each offset, ``[heads, queries, keys]``; a pooled query is where its stride begins."""
        spans = [2 * side - 1 for side in window]
        table = self.layers.weights[f"{self.name}.relative_bias.table"].reshape(*spans, self.heads)
        rows = [
            table[tuple(q * step - k + side - 1 for q, step, k, side in zip(query, stride, key, window, strict=True))]
            for query in at[0]
            for key in at[1]
        ]
        return torch.stack(rows).reshape(len(at[0]), len(at[1]), -1).permute(2, 0, 1)


def as_it_is(x: Tokens, heads: int) -> Tokens:
    """Tokens that are not pooled."""
    return x


def part(index: int) -> Function:
    """The function that takes queries, keys or values of all three."""
    return lambda x: x.chunk(3, -1)[index]


def cut(grid: Tensor, counts: Sequence[int], window: Place) -> dict[Place, Tensor]:
    """So many windows of a grid, filled up with zeros."""
    sides = [count * side for count, side in zip(counts, window, strict=True)]
    filled = padded(grid, [0] * len(sides), [side - had for side, had in zip(sides, grid.shape, strict=False)])
    return {
        place: filled[tuple(slice(i * side, i * side + side) for i, side in zip(place, window, strict=True))]
        for place in places(counts)
    }
