"""What a call reads and writes, in bytes and in elements."""

from __future__ import annotations

from hiera_compiler.estimate.tape import Call
from hiera_compiler.estimate.tensor import BYTES, Tensor

SELECT = {"gather", "index", "index_select"}
"""Calls that read no more of their first operand than they write."""


def traffic(call: Call, batch: int) -> tuple[float, float]:
    """Bytes moved for one sample, and for the launch; broadcast operands count once."""
    moved = [*zip(call.reads, read(call), strict=True), *((x, touched(x)) for x in call.writes)]
    grows = sum(size for x, size in moved if not x.fixed)
    return grows / batch, sum(size for x, size in moved if x.fixed)


def read(call: Call) -> list[int]:
    """The bytes that a call reads of each operand."""
    sizes = [touched(x) for x in call.reads]
    if call.name in SELECT:
        sizes[0] = min(sizes[0], touched(call.writes[0]))
    return sizes


def ranged_over(call: Call) -> int:
    """How many elements a scalar kernel of this call ranges over; weights do not count where samples do."""
    if call.name in SELECT:
        return call.writes[0].elements
    fixed = all(x.fixed for x in call.reads)
    return max([x.elements for x in (*call.reads, *call.writes) if fixed or not x.fixed])


def touched(x: Tensor) -> int:
    """The bytes behind a tensor: axes that are broadcast are read once."""
    size = BYTES[x.dtype]
    for count, stride in zip(x.shape, x.strides, strict=True):
        if stride or count == 1:
            size *= count
    return size
