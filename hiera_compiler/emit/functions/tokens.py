"""Tokens and tables beyond the grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def join_tokens(front: Tensor, x: Tensor) -> Tensor:
    """Tokens ``[b or 1, 1, m, c]`` before the tokens ``[b, 1, n, c]`` of the grid."""
    return torch.cat((front.expand(x.shape[0], -1, -1, -1), x), 2)


class Sinusoid(nn.Module):
    """A fixed table ``[1, *grid, channels]`` of sines and cosines of each place's number in raster order."""

    table: Tensor

    def __init__(self, grid: Sequence[int], channels: int) -> None:
        super().__init__()
        self.register_buffer("table", torch.empty(1, *grid, channels), persistent=False)
        self.init_buffers()

    def init_buffers(self) -> None:
        """The values of the table, anew: a model that was built on the meta device has lost them."""
        *_, channels = self.table.shape
        place = torch.arange(self.table[..., 0].numel(), dtype=torch.float64, device=self.table.device)
        channel = torch.arange(channels, dtype=torch.float64, device=self.table.device)
        angle = place[:, None] / 10000 ** (2 * (channel // 2) / channels)
        # Rounded to 32 bits, in which models are made: so one that is filled in 64 bits has the same table.
        self.table.copy_(torch.where(channel % 2 == 0, angle.sin(), angle.cos()).float().view(self.table.shape))

    def forward(self) -> Tensor:
        return self.table
