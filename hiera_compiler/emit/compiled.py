"""torch.compile from outside the model, so that its cost grows with distinct blocks and not with depth."""

from __future__ import annotations

from torch import nn


def compile_blocks(module: nn.Module) -> nn.Module:
    """The module with each block compiled as one full graph, in place; equal blocks share the compiled code."""
    for block in module.get_submodule("blocks").children():
        block.compile(fullgraph=True, dynamic=False)
    return module
