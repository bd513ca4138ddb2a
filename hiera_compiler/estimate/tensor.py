"""Tensors without data: shape, strides and dtype are enough to know what a kernel reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Literal, NamedTuple

DType = Literal["fp16", "fp32", "int64", "bool"]
BYTES: dict[str, int] = {"fp16": 2, "fp32": 4, "int64": 8, "bool": 1}

Sizes = tuple[int, ...]


class Tensor(NamedTuple):
    """A view of a piece of memory; `source` tells pieces apart, and a `fixed` one does not grow with the batch."""

    shape: Sizes
    strides: Sizes
    dtype: DType
    source: int
    fixed: bool = False

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.elements * BYTES[self.dtype]

    @property
    def contiguous(self) -> bool:
        return all(
            size == 1 or stride == wanted
            for size, stride, wanted in zip(self.shape, self.strides, row_major(self.shape), strict=True)
        )

    @property
    def dense(self) -> bool:
        """Whether the elements fill their memory without gaps, in whatever order of the axes."""
        axes = sorted((stride, size) for size, stride in zip(self.shape, self.strides, strict=True) if size > 1)
        expected = 1
        for stride, size in axes:
            if stride != expected:
                return False
            expected *= size
        return True

    def permute(self, *order: int) -> Tensor:
        shape = tuple([self.shape[axis] for axis in order])
        return Tensor(shape, tuple([self.strides[axis] for axis in order]), self.dtype, self.source, self.fixed)

    def transpose(self, first: int, second: int) -> Tensor:
        order = list(range(len(self.shape)))
        order[first], order[second] = order[second], order[first]
        return self.permute(*order)

    def select(self, axis: int) -> Tensor:
        """One index of an axis."""
        drop = slice(axis, axis + 1)
        shape, strides = list(self.shape), list(self.strides)
        del shape[drop], strides[drop]
        return Tensor(tuple(shape), tuple(strides), self.dtype, self.source, self.fixed)

    def expand(self, batch: int) -> Tensor:
        """The same for every sample: a first axis of 1 that is read again and again."""
        if self.shape[0] == batch:
            return self
        return self._replace(shape=(batch, *self.shape[1:]), strides=(0, *self.strides[1:]))

    def narrow(self, parts: int) -> Tensor:
        """One of equal slices of the last axis."""
        shape = (*self.shape[:-1], self.shape[-1] // parts)
        return Tensor(shape, self.strides, self.dtype, self.source, self.fixed)

    def view(self, *shape: int) -> Tensor | None:
        """The same memory in another shape, or None where the strides do not allow it."""
        strides = _view_strides(self.shape, self.strides, shape)
        return None if strides is None else Tensor(shape, strides, self.dtype, self.source, self.fixed)

    def kept_order(self, shape: Sizes) -> Sizes:
        """The strides of a result of this shape whose axes lie in the order in which those of the tensor do."""
        return _kept_order(shape, self.strides)

    def broadcast_strides(self, shape: Sizes) -> Sizes:
        """Its strides when it is read as a wider shape: zero along axes that it lacks, or has one element of."""
        missing = len(shape) - len(self.shape)
        axes = zip(self.shape, self.strides, shape[missing:], strict=True)
        own = [stride if size == wide else 0 for size, stride, wide in axes]
        return (*(0,) * missing, *own)


@lru_cache(maxsize=4096)
def row_major(shape: Sizes) -> Sizes:
    """The strides of a contiguous tensor."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


@lru_cache(maxsize=4096)
def _view_strides(shape: Sizes, strides: Sizes, wanted: Sizes) -> Sizes | None:
    """Strides for a reshape without a copy: axes that lie one in the other merge and split freely.

    An axis of one element has the stride that PyTorch gives it, for the order of later results hangs on it.
    """
    result: list[int] = []
    left, step, run = list(wanted), strides[-1] if strides else 1, 1
    for axis in reversed(range(len(shape))):
        run *= shape[axis]
        if axis > 0 and (shape[axis - 1] == 1 or strides[axis - 1] == run * step):
            continue
        seen = 1
        while left and (seen < run or left[-1] == 1):
            result.append(seen * step)
            seen *= left.pop()
        if seen != run:
            return None
        step, run = strides[axis - 1], 1
    return None if left else tuple(reversed(result))


@lru_cache(maxsize=4096)
def _kept_order(shape: Sizes, read: Sizes) -> Sizes:
    """The strides of an element-wise result: row-major in the order in which the axes of what it reads lie."""
    order = sorted(range(len(shape)), key=lambda axis: (-read[axis], axis))
    strides, step = [0] * len(order), 1
    for axis in reversed(order):
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


def iterated(shape: Sizes, strides: Sequence[Sizes]) -> Sizes:
    """The strides of the result of operands with these strides, 0 where broadcast: as PyTorch's TensorIterator has it.

    The faster axis in the first operand that tells two axes apart is the faster one of the result; of axes that an
    operand steps through alike, the longer one is the slower.
    """

    def comes_later(one: int, other: int) -> int:
        for steps in strides:
            if steps[one] and steps[other]:
                if steps[one] != steps[other]:
                    return 1 if steps[one] > steps[other] else -1
                if shape[one] > shape[other]:
                    return 1
        return 0

    order = list(reversed(range(len(shape))))
    for end in range(1, len(order)):
        at = end
        for before in range(end - 1, -1, -1):
            later = comes_later(order[before], order[at])
            if later < 0:
                break
            if later > 0:
                order[before], order[at] = order[at], order[before]
                at = before
    found, step = [0] * len(shape), 1
    for axis in order:
        found[axis] = step
        step *= shape[axis]
    return tuple(found)
