"""What acts on each token, or each number, by itself."""

from __future__ import annotations

from hiera_compiler.estimate.programs.program import Program
from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import Activate, Add, Dropout, DropPath, JoinChannels, LayerScale, Linear, Node, Norm, Op, Split


def _add(op: Op, tape: Tape, node: Node, x: Tensor, y: Tensor) -> Tensor:
    if x.fixed and y.fixed:  # position tables, broadcast against each other
        dtype = "fp32" if "fp32" in (x.dtype, y.dtype) else x.dtype
        return tape.call("add", (x, y), (1, *node.shape), dtype)
    return tape.pointwise("add", x, y)


def _norm(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return tape.layer_norm(x)


def _linear(op: Linear, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return tape.linear(x, op.out_channels, op.bias)


def _split(op: Split, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return x.narrow(op.parts)


def _activate(op: Activate, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return tape.pointwise(op.function, x)


def _identity(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return x


def _layer_scale(op: Op, tape: Tape, node: Node, x: Tensor) -> Tensor:
    return tape.pointwise("mul", x, tape.parameter(node.shape[-1]))


def _join_channels(op: Op, tape: Tape, node: Node, x: Tensor, y: Tensor) -> Tensor:
    return tape.join(node.shape, x, y)


PROGRAMS: dict[type[Op], Program] = {
    Activate: _activate,
    Add: _add,
    Dropout: _identity,
    DropPath: _identity,
    JoinChannels: _join_channels,
    LayerScale: _layer_scale,
    Linear: _linear,
    Norm: _norm,
    Split: _split,
}
