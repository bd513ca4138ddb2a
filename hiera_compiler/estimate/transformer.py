"""Plain vision transformers as calls: the rows that the paper's machine is anchored on.

A class token gives odd sequence lengths, which our own primitives cannot have; so these are written on the tape.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.estimate.kernel import Kernel, kernel
from hiera_compiler.estimate.programs import BATCH
from hiera_compiler.estimate.regime import Regime
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor


@dataclass(frozen=True)
class VisionTransformer:
    """A plain vision transformer with a class token (An Image is Worth 16x16 Words, section 3.1)."""

    width: int
    depth: int
    heads: int
    patch: tuple[int, ...]
    grid: tuple[int, ...]
    classes: int

    def kernels(self, regime: Regime) -> list[Kernel]:
        """The kernels of a forward pass, eagerly."""
        tape = Tape(regime)
        size = tuple(step * count for step, count in zip(self.patch, self.grid, strict=True))
        pixels = tape.tensor((BATCH, 3, *size), "fp16")
        patches = tape.convolution(pixels, self.width, self.patch, self.grid)
        tokens = (BATCH, prod(self.grid) + 1, self.width)
        x = tape.call("cat", (tape.parameter(1, 1, self.width), patches), tokens, "fp32")
        x = tape.pointwise("add", x, tape.parameter(1, *tokens[1:]))
        for _ in range(self.depth):
            x = self._block(tape, x)
        first = tape.layer_norm(tape.tensor((BATCH, self.width), x.dtype))
        tape.linear(first, self.classes)
        return [kernel(call, BATCH) for call in tape.calls]

    def _block(self, tape: Tape, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = tape.linear(tape.layer_norm(x), 3 * width)
        split = tape.reshape(qkv, batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = (split.select(0) for _ in range(3))
        # timm's and MAE's code of that time scales the scores, not the queries: a pass over tokens x tokens.
        scores = tape.pointwise("mul", tape.matmul(query, key.transpose(2, 3)))
        out = tape.matmul(tape.softmax(scores), value).transpose(1, 2)
        x = tape.pointwise("add", x, tape.linear(tape.reshape(out, batch, tokens, width), width))
        hidden = tape.pointwise("gelu", tape.linear(tape.layer_norm(x), 4 * width))
        return tape.pointwise("add", x, tape.linear(hidden, width))
