"""Tokens and layers by definition, one sample at a time: grids in raster order, kernels as sums over their places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Place = tuple[int, ...]
Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Tokens:
    """Mask units ``[*unit, channels]`` by their place among ``units``, but for dropped ones; or the whole grid."""

    pieces: dict[Place, Tensor]
    token: Tensor | None
    units: Place

    @property
    def unit(self) -> Place:
        return tuple(next(iter(self.pieces.values())).shape[:-1])

    @property
    def channels(self) -> int:
        return next(iter(self.pieces.values())).shape[-1]

    def each(self, function: Function) -> Tokens:
        """The same with every vector changed, the class token's too."""
        return Tokens(self.grids(function).pieces, None if self.token is None else function(self.token), self.units)

    def grids(self, function: Function) -> Tokens:
        return Tokens({place: function(piece) for place, piece in self.pieces.items()}, self.token, self.units)

    def plus(self, other: Tokens, with_token: bool = True) -> Tokens:
        assert self.unit == other.unit
        token = self.token
        if token is not None and other.token is not None and with_token:
            token = token + other.token
        return Tokens({place: self.pieces[place] + other.pieces[place] for place in self.pieces}, token, self.units)

    def beside(self, other: Tokens) -> Tokens:
        token = None if self.token is None or other.token is None else torch.cat([self.token, other.token], -1)
        pieces = {place: torch.cat([self.pieces[place], other.pieces[place]], -1) for place in self.pieces}
        return Tokens(pieces, token, self.units)

    def rows(self) -> Tensor:
        """All tokens, one after another, the class token first."""
        rows = torch.cat([self.pieces[place].flatten(0, -2) for place in sorted(self.pieces)])
        return rows if self.token is None else torch.cat([self.token[None], rows])

    def places(self) -> list[Place]:
        """Where each of the rows is on the grid, but for the class token's."""
        return [
            tuple(index * side + inner for index, side, inner in zip(place, self.unit, inside, strict=True))
            for place in sorted(self.pieces)
            for inside in places(self.unit)
        ]

    def like(self, rows: Tensor) -> Tokens:
        """Rows in the order of ``rows``, as tokens."""
        token, rows = (None, rows) if self.token is None else (rows[0], rows[1:])
        units = rows.reshape(len(self.pieces), *self.unit, rows.shape[-1])
        return Tokens(dict(zip(sorted(self.pieces), units, strict=True)), token, self.units)

    def map(self) -> Tensor:
        """The grid, or where units are dropped the others, one after another."""
        rows = self.each(lambda x: x).rows()[int(self.token is not None) :]
        if len(self.pieces) < len(places(self.units)):
            return rows.reshape(len(self.pieces), *self.unit, -1)
        found = dict(zip(self.places(), rows, strict=True))
        sides = [count * side for count, side in zip(self.units, self.unit, strict=True)]
        return torch.stack([found[place] for place in places(sides)]).reshape(*sides, -1)


def places(sides: Sequence[int]) -> list[Place]:
    return list(product(*map(range, sides)))


def padded(grid: Tensor, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> Tensor:
    pads = [pad for pair in zip(reversed(before), reversed(after), strict=True) for pad in pair]
    return F.pad(grid, [0, 0, *pads], value=value)


def pooled_sides(pool: Any, sides: Place) -> list[int]:
    """How often the kernel of a pooling fits, along each axis."""
    axes = zip(sides, pool.kernel or pool.stride, pool.stride, pool.padding or (0,) * len(sides), strict=True)
    return [(side + 2 * pad - size) // step + 1 for side, size, step, pad in axes]


@dataclass(frozen=True)
class Layers:
    """Layers by the names of their weights."""

    weights: Mapping[str, Tensor]

    def linear(self, name: str) -> Function:
        weight, bias = self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias")
        return lambda x: x @ weight.T if bias is None else x @ weight.T + bias

    def norm(self, name: str, kind: Any) -> Function:
        def normalised(x: Tensor) -> Tensor:
            centred = x - x.mean(-1, keepdim=True)
            scaled: Tensor = centred / (centred.square().mean(-1, keepdim=True) + kind.epsilon).sqrt()
            return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

        return normalised

    def pooled(self, name: str, pool: Any, x: Tokens, heads: int = 1, stride: Place | None = None) -> Tokens:
        """Each piece pooled as an image of its own; the class token is only normalised."""
        stride = stride or pool.stride
        kernel, padding = pool.kernel or stride, pool.padding or (0,) * len(stride)
        x = x.grids(lambda grid: self._slid(name, pool.kind, grid, kernel, stride, padding))
        if pool.kind != "conv" or pool.norm is None:
            return x
        norm = self.norm(f"{name}_norm", pool.norm)
        return x.each(lambda vectors: norm(vectors.unflatten(-1, (heads, -1))).flatten(-2))

    def _slid(self, name: str, kind: str, grid: Tensor, kernel: Place, stride: Place, padding: Place) -> Tensor:
        wide = padded(grid, padding, padding, float("-inf") if kind == "max" else 0.0)
        axes = list(zip(wide.shape, kernel, stride, strict=False))
        spans = [((side - size) // step * step + 1, step) for side, size, step in axes]
        seen = [
            wide[tuple(slice(start, start + span, step) for start, (span, step) in zip(offset, spans, strict=True))]
            for offset in places(kernel)
        ]
        if kind == "max":
            return torch.stack(seen).max(0).values
        if kind == "average":
            return torch.stack(seen).sum(0) / len(seen)
        weight = self.weights[f"{name}.weight"].flatten(1).T  # [places under the kernel, channels of a head]
        groups = grid.shape[-1] // weight.shape[1]
        return torch.stack([x * row.repeat(groups) for x, row in zip(seen, weight, strict=True)]).sum(0)
