"""What kernels issue to the scalar lanes: instructions an element."""

from __future__ import annotations

from itertools import pairwise
from math import prod

from hiera_compiler.estimate.tape import Call
from hiera_compiler.estimate.tensor import Tensor

ISSUED: dict[str, float] = {
    "gelu": 40.0,
    "relu": 4.0,
    "_softmax": 25.0,
    "native_layer_norm": 15.0,
    "max.dim": 12.0,
    "amax": 8.0,
    "mean": 6.0,
    "roll": 20.0,
}
"""Scalar instructions an element, from the kernels' instruction counts; element-wise arithmetic is below."""
LONGEST_IN_REGISTERS = 1024
"""Softmax keeps rows up to this in registers; longer ones it walks three times, with two exponentials an element."""


def instructions(call: Call) -> float:
    """Scalar instructions an element of an eager kernel.

    A kernel over contiguous operands of one dtype loads vectors. Otherwise every element pays for its index:
    a division and remainder for each axis that the operands do not share, and an offset for each operand.
    """
    if call.name == "_softmax" and call.reads[0].shape[-1] > LONGEST_IN_REGISTERS:
        return 45.0
    if call.name in ISSUED:
        return ISSUED[call.name]
    operands = [*(x for x in call.reads if x.elements > 1), *call.writes]
    axes = common_axes(operands)
    if axes > 1:
        return 14.0 + axes * (6.0 + len(operands))
    mixed = len({x.dtype for x in operands}) > 1 and call.name != "_to_copy"
    return 6.0 + 4.0 * len(operands) if mixed else 2.0 + 2.0 * len(operands)


def common_axes(operands: list[Tensor]) -> int:
    """How many axes an element-wise kernel must walk once those that lie alike in every operand are merged."""
    shape = max((x.shape for x in operands), key=prod)
    aligned = [x.broadcast_strides(shape) for x in operands if len(x.shape) <= len(shape)]
    order = sorted(range(len(shape)), key=lambda axis: -aligned[-1][axis])
    axes = [axis for axis in order if shape[axis] > 1]
    runs = 1 if axes else 0
    for outer, inner in pairwise(axes):
        if any(strides[outer] != strides[inner] * shape[inner] for strides in aligned):
            runs += 1
    return runs
