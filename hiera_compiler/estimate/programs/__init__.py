"""Each primitive of the graph as calls on a tape: what its Python text does, and what the released code does.

One function per primitive. It gets the tape, the node, and the tensors that the node reads, with the batch as
first axis, and returns the tensor that the node stands for.
"""

from __future__ import annotations

from hiera_compiler.estimate.programs import attend, layers, maps, masking, order, pool, stem
from hiera_compiler.estimate.programs.program import BATCH, Program
from hiera_compiler.ir import Op

__all__ = ["BATCH", "PROGRAMS", "Program"]

PROGRAMS: dict[type[Op], Program] = {
    primitive: program
    for topic in (stem, order, layers, pool, attend, maps, masking)
    for primitive, program in topic.PROGRAMS.items()
}
"""The calls of each primitive in a forward pass for inference."""
