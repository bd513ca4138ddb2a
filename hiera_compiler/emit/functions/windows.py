"""Attention inside windows that know relative positions, or that are shifted."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hiera_compiler.emit.prelude import to_units


def attend_biased(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, heads: int, across_units: bool) -> Tensor:
    """Multi-head softmax attention with ``bias`` added to the scores ``[batch, units, heads, queries, keys]``."""
    batch, units, queries, channels = query.shape
    rows = 1 if across_units else units
    q, k, v = (x.reshape(batch, rows, -1, heads, channels // heads).transpose(2, 3) for x in (query, key, value))
    scores = (q * (channels // heads) ** -0.5) @ k.transpose(-2, -1) + bias
    mixed: Tensor = scores.softmax(dim=-1) @ v
    return mixed.transpose(2, 3).reshape(batch, units, queries, channels)


class RelativeBias(nn.Module):
    """A learned number for each head and offset of a query from a key: ``[1, 1, heads, queries, keys]``.

    ``keys`` and ``queries`` are the folds that order the tokens of a window before and after its queries are pooled.
    """

    index: Tensor

    def __init__(self, heads: int, keys: Sequence[Sequence[int]], queries: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.keys, self.queries = keys, queries
        self.register_buffer("index", torch.empty(0, dtype=torch.int64), persistent=False)
        self.init_buffers()
        offsets = 1
        for side in window_of(keys):
            offsets *= 2 * side - 1
        self.table = nn.Parameter(torch.zeros(offsets, heads))
        nn.init.trunc_normal_(self.table, std=0.02)

    def init_buffers(self) -> None:
        """The values of the index, anew: a model that was built on the meta device has lost them."""
        window, pooled = window_of(self.keys), window_of(self.queries)
        strides = [side // left for side, left in zip(window, pooled, strict=True)]
        places = places_in(self.queries, self.index.device) * torch.tensor(strides, device=self.index.device)
        offsets = places[:, None] - places_in(self.keys, self.index.device)[None]
        index = torch.zeros_like(offsets[..., 0])
        for axis, side in enumerate(window):
            index = index * (2 * side - 1) + offsets[..., axis] + side - 1
        self.index = index

    def forward(self) -> Tensor:
        return self.table[self.index].permute(2, 0, 1).contiguous()[None, None]


class ShiftMask(nn.Module):
    """-100 between tokens that only a cyclic shift brought into one window: ``[1, windows, 1, tokens, tokens]``."""

    mask: Tensor

    def __init__(self, units: Sequence[int], folds: Sequence[Sequence[int]], shift: Sequence[int]) -> None:
        super().__init__()
        self.units, self.folds, self.shift = units, folds, shift
        self.register_buffer("mask", torch.empty(0), persistent=False)
        self.init_buffers()

    def init_buffers(self) -> None:
        """The values of the mask, anew: a model that was built on the meta device has lost them."""
        sides = [count * side for count, side in zip(self.units, window_of(self.folds), strict=True)]
        ends = torch.zeros(1, *sides, 1, dtype=torch.int64, device=self.mask.device)
        for axis, (side, shift) in enumerate(zip(sides, self.shift, strict=True)):
            came_around = torch.arange(side, device=self.mask.device) >= side - shift
            ends = 2 * ends + came_around.view([-1 if axis == at else 1 for at in range(len(sides))])[None, ..., None]
        of_windows = to_units(ends, self.folds)[..., 0]
        apart = of_windows[:, :, :, None] != of_windows[:, :, None, :]
        # Of three axes: a model whose buffers have five cannot go to the channels-last format of images.
        self.mask = -100.0 * apart[0].to(self.mask.dtype)

    def forward(self) -> Tensor:
        return self.mask[None, :, None]


def window_of(folds: Sequence[Sequence[int]]) -> list[int]:
    """The sides of a window whose tokens these folds order."""
    sides = [1] * len(folds[0])
    for fold in folds:
        sides = [side * factor for side, factor in zip(sides, fold, strict=True)]
    return sides


def places_in(folds: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """The place ``[tokens, axes]`` of every token of a window, in the order of its folds."""
    sides = [torch.arange(side, device=device) for side in window_of(folds)]
    return to_units(torch.stack(torch.meshgrid(*sides, indexing="ij"), -1)[None], folds)[0, 0]
