"""Grids of tokens ``[b, *grid, c]``."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F


def pad_grid(grid: Tensor, padding: Sequence[int]) -> Tensor:
    """Zeros after the last row, column (and frame)."""
    return F.pad(grid, [0, 0, *(more for side in reversed(padding) for more in (0, side))])


def crop_grid(grid: Tensor, sides: Sequence[int]) -> Tensor:
    """The first rows and columns (and frames)."""
    for axis, side in enumerate(sides):
        grid = grid.narrow(1 + axis, 0, side)
    return grid.contiguous()


def repeat_tokens(grid: Tensor, factors: Sequence[int]) -> Tensor:
    """Each token so often along each axis: the nearest neighbours of a finer grid."""
    batch, *sides, channels = grid.shape
    apart = grid.reshape(batch, *(size for side in sides for size in (side, 1)), channels)
    sizes = (size for side, factor in zip(sides, factors, strict=True) for size in (side, factor))
    finer = (side * factor for side, factor in zip(sides, factors, strict=True))
    return apart.expand(batch, *sizes, channels).reshape(batch, *finer, channels)
