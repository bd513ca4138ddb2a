"""Attention that knows how far apart queries and keys are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hiera_compiler.emit.prelude import _product


class RelativePosition(nn.Module):
    """What each query expects of each key by their distance along each axis: ``[b, units, heads, queries, keys]``.

    ``queries`` and ``keys`` are the folds that order the tokens of a unit. With ``units`` distances are those on the
    whole grid, which so many units make up, and not those inside a unit.
    """

    def __init__(
        self,
        heads: int,
        width: int,
        queries: Sequence[Sequence[int]],
        keys: Sequence[Sequence[int]],
        units: Sequence[int] | None = None,
        class_token: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.units, self.class_token = heads, units, class_token
        self.folds = queries, keys
        # Axes of size 1 would only slow it down.
        whole = [[fold for fold in ([units] if units else []) + list(folds) if max(fold) > 1] for folds in self.folds]
        self.queries, self.keys = (found or [[1] * len(queries[0])] for found in whole)
        self.axes = ("time", "height", "width")[-len(queries[0]) :]
        for number, axis in enumerate(self.axes):
            count, others = (len(places_along(number, folds, units)) for folds in self.folds)
            table = torch.empty(2 * max(count, others) - 1, width)
            self.register_parameter(axis, nn.Parameter(nn.init.trunc_normal_(table, std=0.02)))
            self.register_buffer(f"{axis}_rows", torch.empty(count, others, dtype=torch.long), persistent=False)
        self.init_buffers()

    def init_buffers(self) -> None:
        """The rows of the tables, anew: a model that was built on the meta device has lost them."""
        for number, axis in enumerate(self.axes):
            rows = self.get_buffer(f"{axis}_rows")
            count, others = rows.shape
            own, other = (places_along(number, folds, self.units).to(rows.device) for folds in self.folds)
            own, other = own * max(others / count, 1.0), other * max(count / others, 1.0)
            rows.copy_((own[:, None] - other[None] + (others - 1) * max(count / others, 1.0)).long())

    def forward(self, query: Tensor) -> Tensor:
        if self.units and query.shape[1] != _product(self.units):
            raise ValueError("relative positions across mask units need all of them, and some are masked")
        first, axes, levels = int(self.class_token), len(self.axes), len(self.queries)
        x = query.flatten(1, 2)[:, first:] if self.units else query.flatten(0, 1)
        grid = x.unflatten(1, [side for sides in self.queries for side in sides]).unflatten(-1, (self.heads, -1))
        bias: Tensor | None = None
        for number, axis in enumerate(self.axes):
            rows = self.get_parameter(axis)[self.get_buffer(f"{axis}_rows")]
            front, own = list(range(levels)), [1 + number + axes * level for level in range(levels)]
            lines = grid.movedim(own, front)
            scores = lines.reshape(len(rows), -1, rows.shape[-1]) @ rows.transpose(1, 2)
            scores = scores.reshape(*lines.shape[:-1], -1).movedim(front, own).movedim(-2, 1)
            others = [side if place == number else 1 for sides in self.keys for place, side in enumerate(sides)]
            scores = scores.unflatten(-1, others)
            bias = scores if bias is None else bias + scores
        assert bias is not None
        bias = bias.flatten(2, 1 + axes * levels).flatten(3).unflatten(0, (-1, 1 if self.units else query.shape[1]))
        return F.pad(bias, (first, 0, first, 0)) if first else bias


def places_along(axis: int, folds: Sequence[Sequence[int]], units: Sequence[int] | None) -> Tensor:
    """The places along an axis, in the order in which tokens have them: that of the folds, and of units around them."""
    places = torch.zeros(1, dtype=torch.long)
    for fold in folds:
        places = (places[:, None] + len(places) * torch.arange(fold[axis])).flatten()
    if units:
        places = (len(places) * torch.arange(units[axis])[:, None] + places).flatten()
    return places
