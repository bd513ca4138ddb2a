"""Pooling as the published MViTv2 does it (PySlowFast's ``attention_pool``), and its mask units in the batch.

Heads go beside the batch, mask units too where a kernel overlaps ("separate-and-pad": Hiera, Figure 4d), channels
first, each by a copy; images are clips of one frame, so that all pooling is three-dimensional; what was pooled goes
back to its place by a copy more.
"""

from __future__ import annotations

from math import prod

from hiera_compiler.estimate.programs.order import planes
from hiera_compiler.estimate.tape import Call, Tape
from hiera_compiler.estimate.tensor import Sizes, Tensor
from hiera_compiler.ir import SlidingConvolution, SlidingPool


def reduced(op: SlidingPool, tape: Tape, x: Tensor) -> Tensor:
    """The pooled planes ``[b * units, c, *unit]`` of a ``SlidingPool``."""
    clips = _as_clips(_planes(tape, x, op))
    rows, channels = clips.shape[:2]
    size = (rows, channels, *_three(op.after.unit))
    pooled = tape.tensor(size, x.dtype)
    indices = (tape.tensor(size, "int64"),) if op.reduction == "max" else ()
    name = "max_pool3d_with_indices" if op.reduction == "max" else "avg_pool3d"
    walked = steps(op.before.unit, op.after.unit, op.kernel, op.stride, op.padding)
    tape.calls.append(Call(name, (clips,), (pooled, *indices), tape.node, walked))
    return tape.reshape(pooled, rows, channels, *op.after.unit)


def convolved(op: SlidingConvolution, tape: Tape, x: Tensor) -> Tensor:
    """The pooled planes ``[b * units, c, *unit]`` of a ``SlidingConvolution``; heads share its weights."""
    clips = _as_clips(_planes(tape, x, op))
    rows, channels = clips.shape[:2]
    apart = tape.reshape(clips, rows * channels // op.channels, op.channels, *clips.shape[2:])
    pooled = tape.depthwise(apart, op.channels, _three(op.kernel), _three(op.after.unit))
    return tape.reshape(pooled, rows, channels, *op.after.unit)


def _planes(tape: Tape, x: Tensor, op: SlidingPool | SlidingConvolution) -> Tensor:
    return planes(tape, tape.contiguous(x), op.before)


def _as_clips(images: Tensor) -> Tensor:
    size = (*images.shape[:2], *_three(images.shape[2:]))
    clips = images.view(*size)
    assert clips is not None
    return clips


def _three(sizes: Sizes) -> Sizes:
    """The sizes of an image as those of a clip of one frame."""
    return (*(1,) * (3 - len(sizes)), *sizes)


def steps(sides: Sizes, outputs: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes) -> int:
    """The elements that the outputs of one plane walk over: no padding, and in a row as many as the longest walk."""
    *outer, row = (_walks(*axis) for axis in zip(sides, outputs, kernel, stride, padding, strict=True))
    return prod(sum(walks) for walks in outer) * max(row) * len(row)


def _walks(side: int, outputs: int, kernel: int, stride: int, padding: int) -> list[int]:
    """How many elements along an axis each of its outputs reads."""
    starts = (output * stride - padding for output in range(outputs))
    return [min(start + kernel, side) - max(start, 0) for start in starts]
