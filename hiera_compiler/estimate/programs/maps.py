"""Maps: convolutions of grids that lie channels last, and repeated tokens."""

from __future__ import annotations

from hiera_compiler.estimate.programs.program import Program
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import Convolution, Node, Op, TransposedConvolution, Upsample


def _convolution(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return _convolved(tape, node, x, "convolution")


def _transposed_convolution(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return _convolved(tape, node, x, "transposed_convolution")


def _convolved(tape: Tape, node: Node, x: Tensor, name: str) -> Tensor:
    dtype = tape.product_dtype(x)
    x = tape.cast(x, dtype)
    weights = (tape.cast(tape.parameter(*shape), dtype) for shape in node.op.weights().values())
    images = x.permute(0, len(x.shape) - 1, *range(1, len(x.shape) - 1))
    size = (x.shape[0], node.shape[-1], *node.shape[:-1])
    out = tape.call(name, (images, *weights), size, dtype, images.kept_order(size))
    return out.permute(0, *range(2, len(size)), 1)


def _upsample(op: Upsample, tape: Tape, node: Node, x: Tensor) -> Tensor:
    if set(op.factors) == {1}:
        return x
    # A copy of a view that reads each token again and again.
    sizes, steps = [x.shape[0]], [x.strides[0]]
    for side, step, factor in zip(x.shape[1:], x.strides[1:], op.factors, strict=False):
        sizes, steps = [*sizes, side, factor], [*steps, step, 0]
    repeated = x._replace(shape=(*sizes, x.shape[-1]), strides=(*steps, x.strides[-1]))
    return tape.reshape(repeated, x.shape[0], *node.shape)


PROGRAMS: dict[type[Op], Program] = {
    Convolution: _convolution,
    TransposedConvolution: _transposed_convolution,
    Upsample: _upsample,
}
