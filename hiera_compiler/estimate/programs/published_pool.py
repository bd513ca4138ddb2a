"""Pooling as the published MViTv2 does it (PySlowFast's ``attention_pool``), and its mask units in the batch.

Heads go beside the batch, mask units too where a kernel overlaps ("separate-and-pad": Hiera, Figure 4d), channels
first, each by a copy; images are clips of one frame, so that all pooling is three-dimensional; and what was pooled
goes back to its place by a copy more.
"""

from __future__ import annotations

from math import prod
from typing import Any

from hiera_compiler.estimate.programs.order import planes
from hiera_compiler.estimate.tape import Call, Tape
from hiera_compiler.estimate.tensor import Sizes, Tensor
from hiera_compiler.ir import Node


def reduced(tape: Tape, node: Node, x: Tensor) -> Tensor:
    """The pooled planes ``[b * units, c, *unit]`` of a ``SlidingPool``."""
    op: Any = node.op
    clips = _as_clips(_planes(tape, x, op))
    size = (*clips.shape[:2], *_three(op.after.unit))
    axes = zip(op.before.unit, op.after.unit, op.kernel, op.stride, op.padding, strict=True)
    read = prod(_elements_read(*axis) for axis in axes)
    pooled = tape.tensor(size, x.dtype)
    indices = (tape.tensor(size, "int64"),) if op.reduction == "max" else ()
    name = "max_pool3d_with_indices" if op.reduction == "max" else "avg_pool3d"
    tape.calls.append(Call(name, (clips,), (pooled, *indices), tape.node, read))
    return pooled._replace(shape=(*size[:2], *op.after.unit), strides=_without_frames(pooled.strides, op.after.unit))


def convolved(tape: Tape, node: Node, x: Tensor) -> Tensor:
    """The pooled planes ``[b * units, c, *unit]`` of a ``SlidingConvolution``; heads share its weights."""
    op: Any = node.op
    clips = _as_clips(_planes(tape, x, op))
    rows, channels = clips.shape[:2]
    apart = tape.reshape(clips, rows * channels // op.channels, op.channels, *clips.shape[2:])
    pooled = tape.depthwise(apart, op.channels, _three(op.kernel), _three(op.after.unit))
    return tape.reshape(pooled, rows, channels, *op.after.unit)


def _planes(tape: Tape, x: Tensor, op: Any) -> Tensor:
    apart = x if x.contiguous else tape.call("clone", (x,), x.shape, x.dtype)
    return planes(tape, apart, op.before)


def _as_clips(images: Tensor) -> Tensor:
    size = (*images.shape[:2], *_three(images.shape[2:]))
    clips = images.view(*size)
    assert clips is not None
    return clips


def _three(sizes: Sizes) -> Sizes:
    """The sizes of an image as those of a clip of one frame."""
    return (*(1,) * (3 - len(sizes)), *sizes)


def _without_frames(strides: Sizes, unit: Sizes) -> Sizes:
    return (*strides[:2], *strides[len(strides) - len(unit) :])


def _elements_read(side: int, outputs: int, kernel: int, stride: int, padding: int) -> int:
    """The elements along an axis that its outputs read, all together; padding is not read."""
    starts = [output * stride - padding for output in range(outputs)]
    return sum(min(start + kernel, side) - max(start, 0) for start in starts)
