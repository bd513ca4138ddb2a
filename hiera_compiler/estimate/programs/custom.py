"""Primitives of other packages that do not say which calls they make."""

from __future__ import annotations

from math import ceil, prod

from hiera_compiler.estimate.tape import Tape
from hiera_compiler.estimate.tensor import Tensor, row_major
from hiera_compiler.ir import Graph, Node, Op
from hiera_compiler.ir.custom import CustomOp


def states_its_calls(op: Op) -> bool:
    """Whether what is predicted for a primitive are its own calls."""
    return not isinstance(op, CustomOp) or type(op).program is not CustomOp.program


def assumed(graph: Graph) -> tuple[str, ...]:
    """The names of the primitives in a graph whose calls nobody states."""
    return tuple(sorted({type(node.op).__name__ for node in graph if not states_its_calls(node.op)}))


def once(op: CustomOp, tape: Tape, node: Node, *inputs: Tensor) -> Tensor:
    """A kernel that reads and writes what the primitive says it moves, once, and a product of its MACs."""
    if not inputs:
        return tape.parameter(1, *node.shape)
    shapes = tuple(x.shape[1:] for x in inputs)
    batch, dtype, fixed = max(x.shape[0] for x in inputs), inputs[0].dtype, all(x.fixed for x in inputs)
    moved, written = op.moved(shapes, node.shape), prod(node.shape)
    if moved == 0:
        return inputs[0]._replace(shape=(batch, *node.shape), strides=row_major((batch, *node.shape)))
    if macs := op.macs(shapes, node.shape):
        rows, depth, columns = batch * prod(node.shape[:-1]), ceil(macs / written), node.shape[-1]
        left, right = tape.tensor((rows, depth), dtype, fixed=fixed), tape.parameter(depth, columns)
        tape.call("mm", (left, right), (rows, columns), dtype)
    weights = [tape.parameter(*shape) for shape in op.weights().values()]
    more = moved - written - sum(map(prod, shapes))
    held = [tape.tensor((batch, more), dtype, fixed=fixed)] if more > 0 else []
    return tape.call("custom", (*inputs, *weights, *held), (batch, *node.shape), dtype)
