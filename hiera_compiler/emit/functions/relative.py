"""Attention that knows how far apart queries and keys are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RelativePosition(nn.Module):
    """What each query expects of each key by their distance along each axis: ``[b, 1, heads, queries, keys]``."""

    def __init__(
        self, heads: int, width: int, queries: Sequence[int], keys: Sequence[int], class_token: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.queries, self.keys, self.class_token = heads, tuple(queries), tuple(keys), class_token
        self.axes = ("time", "height", "width")[-len(queries) :]
        for axis, count, others in zip(self.axes, queries, keys, strict=True):
            table = torch.empty(2 * max(count, others) - 1, width)
            self.register_parameter(axis, nn.Parameter(nn.init.trunc_normal_(table, std=0.02)))
            self.register_buffer(f"{axis}_rows", torch.empty(count, others, dtype=torch.long), persistent=False)
        self.init_buffers()

    def init_buffers(self) -> None:
        """The rows of the tables, anew: a model that was built on the meta device has lost them."""
        for axis in self.axes:
            rows = self.get_buffer(f"{axis}_rows")
            count, others = rows.shape
            own = torch.arange(count, device=rows.device) * max(others / count, 1.0)
            other = torch.arange(others, device=rows.device) * max(count / others, 1.0)
            rows.copy_((own[:, None] - other[None] + (others - 1) * max(count / others, 1.0)).long())

    def forward(self, query: Tensor) -> Tensor:
        first = int(self.class_token)
        grid = query[:, 0, first:].unflatten(1, self.queries).unflatten(-1, (self.heads, -1))
        bias: Tensor | None = None
        for number, axis in enumerate(self.axes):
            rows = self.get_parameter(axis)[self.get_buffer(f"{axis}_rows")]
            lines = grid.movedim(1 + number, 0)
            scores = (lines.flatten(1, -2) @ rows.transpose(1, 2)).unflatten(1, lines.shape[1:-1])
            scores = scores.movedim(0, 1 + number).movedim(-2, 1)
            others = [key if place == number else 1 for place, key in enumerate(self.keys)]
            scores = scores.unflatten(-1, others)
            bias = scores if bias is None else bias + scores
        assert bias is not None
        bias = bias.flatten(2, 1 + len(self.axes)).flatten(3).unsqueeze(1)
        return F.pad(bias, (first, 0, first, 0)) if first else bias
