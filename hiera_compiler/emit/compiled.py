"""torch.compile from outside the model, so that its cost grows with distinct blocks and not with depth."""

from __future__ import annotations

from torch import nn

BLOCKS = ("blocks", "decoder_blocks")
"""The lists of blocks of an emitted model; a neck's layers, which torchvision calls blocks too, are not among them."""


def compile_blocks(module: nn.Module) -> nn.Module:
    """The module with each block compiled as one full graph, in place; equal blocks share the compiled code.

    The few operations outside the blocks (patch embedding, position embedding, neck, head) stay eager. What cannot be
    compiled as one graph, and the recompile limit, are errors on the first call: nothing falls back to eager
    in silence.
    """
    # Imported here, because loading inductor takes a second that only compiling should cost.
    from hiera_compiler.emit.bias import BIAS_AFTER_PRODUCT

    options = {"post_grad_custom_post_pass": BIAS_AFTER_PRODUCT}
    for name in BLOCKS:
        for block in getattr(module, name, ()):
            block.compile(fullgraph=True, dynamic=False, options=options)
    return module
