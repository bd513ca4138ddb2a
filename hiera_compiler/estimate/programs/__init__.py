"""Each primitive of the graph as calls on a tape: what its Python text does, and what the released code does.

One function per primitive. It gets the primitive, the tape, the node, and the tensors that the node reads, with the
batch as first axis, and returns the tensor that the node stands for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hiera_compiler.estimate.programs import attend, custom, layers, maps, masking, order, pool, stem, target
from hiera_compiler.estimate.programs.program import BATCH, Program
from hiera_compiler.estimate.tensor import Tensor
from hiera_compiler.ir import Op
from hiera_compiler.ir.custom import CustomOp

__all__ = ["BATCH", "PROGRAMS", "Program", "program_of"]

PROGRAMS: dict[type[Op], Program] = {
    primitive: program
    for topic in (stem, order, layers, pool, attend, maps, masking, target)
    for primitive, program in topic.PROGRAMS.items()
}
"""The calls of each primitive in a forward pass for inference."""


def program_of(op: Op) -> Callable[..., Tensor]:
    """The calls of this primitive: a function of the tape, the node, and the tensors that the node reads.

    Of another package's they are those that it states, or else the least that it can do.
    """
    if isinstance(op, CustomOp):
        return op.program if custom.states_its_calls(op) else partial(custom.once, op)
    return partial(PROGRAMS[type(op)], op)
