"""Patch merging."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from hiera_compiler.emit.functions.grid import pad_grid
from hiera_compiler.emit.prelude import to_grid, to_units


def merge_tokens(
    x: Tensor, folds: tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]], stride: tuple[int, ...]
) -> Tensor:
    """Neighbours' channels side by side: ``[b, units, tokens, c]``, whose order ``folds`` give before and after."""
    grid = to_grid(x.flatten(0, 1).unsqueeze(1), [1] * len(stride), folds[0])
    beyond = [-side % step for side, step in zip(grid.shape[1:], stride, strict=False)]
    if any(beyond):
        grid = pad_grid(grid, beyond)
    sizes = [number for side, step in zip(grid.shape[1:], stride, strict=False) for number in (side // step, step)]
    split, axes = grid.reshape(grid.shape[0], *sizes, grid.shape[-1]), len(stride)
    outer, inner = range(1, 2 * axes, 2), reversed(range(2, 2 * axes + 1, 2))
    merged = split.permute(0, *outer, *inner, 2 * axes + 1).flatten(1 + axes)
    return to_units(merged, folds[1]).reshape(x.shape[0], x.shape[1], -1, merged.shape[-1])
