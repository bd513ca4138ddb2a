"""What computes the primitives; a model's file carries the text of what it calls."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def squared_relu(x: Tensor) -> Tensor:
    """The square of what is positive."""
    return F.relu(x).square()


class TalkingHeads(nn.Module):
    """Attention with learned mixtures of heads; tokens are ``[batch, units, tokens, channels]``."""

    def __init__(self, heads: int, across_units: bool) -> None:
        super().__init__()
        self.heads, self.across_units = heads, across_units
        self.scores = nn.Parameter(torch.eye(heads))
        self.weights = nn.Parameter(torch.eye(heads))

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        rows = query.shape[0] * (1 if self.across_units else query.shape[1])
        width = query.shape[-1] // self.heads
        q, k, v = (x.reshape(rows, -1, self.heads, width).transpose(1, 2) for x in (query, key, value))
        scores = mix_heads((q * width**-0.5) @ k.transpose(2, 3), self.scores)
        mixed = mix_heads(scores.softmax(dim=-1), self.weights) @ v
        return mixed.transpose(1, 2).reshape(query.shape)


def mix_heads(x: Tensor, weight: Tensor) -> Tensor:
    """A linear layer across the heads of ``[rows, heads, queries, keys]``."""
    return F.linear(x.permute(0, 2, 3, 1), weight).permute(0, 3, 1, 2)
