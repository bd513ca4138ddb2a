"""Position tables of a plane ``[1, height, width, channels]``."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def resize_table(table: Tensor, grid: Sequence[int], antialias: bool) -> Tensor:
    """The table stretched to another grid by bicubic interpolation."""
    image = table.movedim(-1, 1)
    if antialias and table.device.type == "cpu":
        # There torch has none of 16 bits, and makes of channels-last images a column that is wrong.
        image = image.to(torch.promote_types(table.dtype, torch.float32)).contiguous()
    return F.interpolate(image, size=list(grid), mode="bicubic", antialias=antialias).movedim(1, -1).to(table.dtype)


def tile_table(table: Tensor, grid: Sequence[int]) -> Tensor:
    """The table repeated over a grid, the last repetition cut where it does not fit."""
    height, width = (-(-side // own) for side, own in zip(grid, table.shape[1:3], strict=True))
    return table.repeat(1, height, width, 1)[:, : grid[0], : grid[1]]
