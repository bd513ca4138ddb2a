"""Primitives: their shapes, weights and cost, and what computes them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar

from hiera_compiler.ir import Node, Shape
from hiera_compiler.ir.custom import CustomOp
from hiera_compiler.ir.op import require

if TYPE_CHECKING:  # kinds are there before the compiler's later phases are
    from hiera_compiler.estimate.tape import Tape
    from hiera_compiler.estimate.tensor import Tensor


@dataclass(frozen=True)
class SquaredReLU(CustomOp):
    """The square of what is positive, and zero elsewhere."""

    tensors: ClassVar[str] = "custom_kinds.tensors:squared_relu"

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]


@dataclass(frozen=True)
class TalkingHeads(CustomOp):
    """Attention whose scores, and whose weights after the softmax, are mixed across heads by a learned matrix each."""

    tensors: ClassVar[str] = "custom_kinds.tensors:TalkingHeads"
    heads: int
    across_units: bool

    def infer(self, *inputs: Shape) -> Shape:
        query, key, value = inputs
        require(key == value, f"keys of {key} meet values of {value}")
        require(query[2] % self.heads == 0, f"{query[2]} channels do not split into {self.heads} heads")
        return query

    def weights(self) -> dict[str, Shape]:
        return {"scores": (self.heads, self.heads), "weights": (self.heads, self.heads)}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * self._scores(inputs) * (output[2] // self.heads + self.heads)

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 3 * self._scores(inputs) + prod(output)

    def scratch(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * self._scores(inputs)

    def _scores(self, inputs: tuple[Shape, ...]) -> int:
        """The scores of all heads."""
        (units, queries, _), (_, keys, _) = inputs[:2]
        return self.heads * units * queries * keys * (units if self.across_units else 1)

    def program(self, tape: Tape, node: Node, *inputs: Tensor) -> Tensor:
        query = inputs[0]
        rows = query.shape[0] * (1 if self.across_units else query.shape[1])
        width = query.shape[-1] // self.heads
        q, k, v = (tape.reshape(x, rows, -1, self.heads, width).transpose(1, 2) for x in inputs)
        scores = self._mixed(tape, tape.matmul(tape.pointwise("mul", q), k.transpose(2, 3)))
        mixed = tape.matmul(self._mixed(tape, tape.softmax(scores)), v)
        return tape.reshape(mixed.transpose(1, 2), *query.shape)

    def _mixed(self, tape: Tape, x: Tensor) -> Tensor:
        return tape.linear(x.permute(0, 2, 3, 1), self.heads, bias=False).permute(0, 3, 1, 2)
