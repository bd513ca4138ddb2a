"""Each primitive of the graph as calls on a tape: what its Python text does, and what the released code does.

One function per primitive. It gets the tape, the node, and the tensors that the node reads, with the batch as
first axis, and returns the tensor that the node stands for.
"""

from __future__ import annotations

from hiera_compiler.estimate.programs import attend, custom, layers, maps, masking, order, pool, stem
from hiera_compiler.estimate.programs.program import BATCH, Program
from hiera_compiler.ir import Op
from hiera_compiler.ir.custom import CustomOp

__all__ = ["BATCH", "PROGRAMS", "Program", "program_of"]

PROGRAMS: dict[type[Op], Program] = {
    primitive: program
    for topic in (stem, order, layers, pool, attend, maps, masking)
    for primitive, program in topic.PROGRAMS.items()
}
"""The calls of each primitive in a forward pass for inference."""


def program_of(op: Op) -> Program:
    """The calls of a primitive, of another package too: those that it states, or else the least that it can do."""
    if isinstance(op, CustomOp):
        return op.program if custom.states_its_calls(op) else custom.once
    return PROGRAMS[type(op)]
