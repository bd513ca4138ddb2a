"""Calls to kernels: what each launch computes, moves and issues."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod
from typing import Literal

from hiera_compiler.estimate.instructions import instructions
from hiera_compiler.estimate.planes import depthwise_issued, pooling_issued
from hiera_compiler.estimate.tape import Call
from hiera_compiler.estimate.tensor import BYTES, Tensor
from hiera_compiler.estimate.traffic import ranged_over, traffic

Growth = Literal["rows", "stacks", "none"]


@dataclass(frozen=True, slots=True)
class Kernel:
    """One launch, `count` times. All quantities are for one sample, but those named `fixed`, which are for the launch.

    A product is ``stacks`` times ``[rows, depth] x [depth, columns]``; `growth` says which of them the batch
    multiplies. `macs` are multiply-accumulates, `moved` bytes read and written, `issued` scalar instructions.
    `alignment` is the largest power of two, up to 8, that divides every leading dimension of a product.
    """

    kind: str
    node: str
    dtype: str
    macs: float = 0.0
    rows: float = 0.0
    columns: int = 0
    depth: int = 0
    stacks: float = 0.0
    growth: Growth = "none"
    alignment: int = 8
    moved: float = 0.0
    moved_fixed: float = 0.0
    issued: float = 0.0
    issued_fixed: float = 0.0
    count: float = 1.0


def kernel(call: Call, batch: int) -> Kernel:
    """The kernel of a call as PyTorch launches it eagerly; `batch` is the batch on the tape."""
    match call.name:
        case "addmm" | "mm" | "bmm" | "baddbmm":
            return _product(call, batch)
        case "attention":
            return _attention(call, batch)
        case "convolution":
            return _convolution(call, batch)
        case "transposed_convolution":
            return _transposed_convolution(call, batch)
        case _:
            return _scalar(call, batch)


def _product(call: Call, batch: int) -> Kernel:
    left, right = call.reads[-2:]
    (out,) = call.writes
    stacks = left.shape[0] if len(left.shape) == 3 else 1
    rows, depth = left.shape[-2:]
    columns = right.shape[-1]
    leading = [_leading(x) for x in (left, right)] + [columns]
    # Samples are rows of a product with weights, also where each stack has weights of its own.
    growth: Growth = "none" if out.fixed else "stacks" if stacks > 1 and not right.fixed else "rows"
    moved, fixed = traffic(call, batch)
    scale = 1 if out.fixed else batch
    return Kernel(
        kind="product",
        node=call.node,
        dtype=left.dtype,
        macs=stacks * rows * columns * depth / scale,
        rows=rows / scale if growth == "rows" else rows,
        columns=columns,
        depth=depth,
        stacks=stacks / scale if growth == "stacks" else stacks,
        growth=growth,
        alignment=gcd(8, *leading),
        moved=moved,
        moved_fixed=fixed,
    )


def _leading(x: Tensor) -> int:
    """The distance in elements between the rows (or columns) of a matrix operand."""
    inner = sorted(stride for size, stride in zip(x.shape[-2:], x.strides[-2:], strict=True) if size > 1)
    return inner[-1] if inner else x.shape[-1]


def _attention(call: Call, batch: int) -> Kernel:
    query, key, value = call.reads[:3]
    rows_of_batch, heads, queries, width = query.shape
    keys = key.shape[-2]
    moved, fixed = traffic(call, batch)
    return Kernel(
        kind="attention",
        node=call.node,
        dtype=query.dtype,
        macs=rows_of_batch * heads * queries * keys * (width + value.shape[-1]) / batch,
        rows=queries,
        columns=keys,
        depth=width,
        stacks=rows_of_batch * heads / batch,
        growth="stacks",
        moved=moved,
        moved_fixed=fixed,
    )


def _convolution(call: Call, batch: int) -> Kernel:
    x, weight = call.reads[:2]
    (out,) = call.writes
    moved, fixed = traffic(call, batch)
    macs = out.elements * prod(weight.shape[1:]) / batch
    if call.detail > 1 and weight.shape[1] == 1:
        if not x.dense:
            moved += 2 * x.bytes / batch  # copied before the kernel runs
        # Depthwise: no tensor cores. A load, a multiply-add and their share of the index arithmetic for a tap.
        issued = depthwise_issued(call) / batch if len(x.shape) == 5 else 10.0 * macs
        return Kernel("depthwise", call.node, x.dtype, macs=macs, moved=moved, moved_fixed=fixed, issued=issued)
    # cuDNN pads channels to multiples of 8 for its tensor-core kernels in images, not in clips (pytorch#57115).
    clip, channels = len(x.shape) == 5, weight.shape[1]
    scalar = x.dtype == "fp32" or (clip and channels % 8 > 0)
    channels = channels if scalar else -(-channels // 8) * 8
    if x.strides[1] != 1 and not scalar:
        # cuDNN's tensor-core kernels want channels last, in multiples of 8: it converts what comes and what goes.
        padded = x.elements // x.shape[1] * channels * BYTES[x.dtype]
        moved += 2 * (padded + out.bytes) / batch
    return Kernel(
        kind="convolution",
        node=call.node,
        dtype="fp32" if scalar else x.dtype,
        macs=macs,
        rows=out.elements // out.shape[1] / batch,
        columns=out.shape[1],
        depth=channels * prod(weight.shape[2:]),
        stacks=1,
        growth="rows",
        moved=moved,
        moved_fixed=fixed,
    )


def _transposed_convolution(call: Call, batch: int) -> Kernel:
    """Its kernel is its stride: one product, of every place by all that it becomes."""
    x, weight = call.reads[:2]
    moved, fixed = traffic(call, batch)
    columns = prod(weight.shape[1:])
    return Kernel(
        kind="convolution",
        node=call.node,
        dtype=x.dtype,
        macs=x.elements * columns / batch,
        rows=x.elements // x.shape[1] / batch,
        columns=columns,
        depth=x.shape[1],
        stacks=1,
        growth="rows",
        moved=moved,
        moved_fixed=fixed,
    )


def _scalar(call: Call, batch: int) -> Kernel:
    """Element-wise functions, reductions and copies."""
    moved, fixed = traffic(call, batch)
    by_plane = call.name in PLANE_BY_PLANE and call.reads[0].contiguous
    issued = pooling_issued(call) if by_plane else ranged_over(call) * instructions(call)
    if call.writes[0].fixed:
        return Kernel("cast", call.node, call.reads[0].dtype, moved_fixed=fixed, issued_fixed=issued)
    return Kernel(
        kind=KINDS.get(call.name, "element-wise"),
        node=call.node,
        dtype=call.reads[0].dtype,
        moved=moved,
        moved_fixed=fixed,
        issued=issued / batch,
    )


PLANE_BY_PLANE = ("max_pool3d_with_indices", "avg_pool3d")
"""What walks planes one by one where the channels come first."""
KINDS = {
    "custom": "custom",
    "native_layer_norm": "norm",
    "_softmax": "softmax",
    "_to_copy": "cast",
    "clone": "copy",
    "gather": "copy",
    "index": "copy",
    "index_select": "copy",
    "scatter": "copy",
    "replication_pad2d": "copy",
    "replication_pad3d": "copy",
    "repeat": "copy",
    "cat": "copy",
    "roll": "copy",
    "constant_pad_nd": "copy",
    "max.dim": "reduction",
    "max_pool2d_with_indices": "reduction",
    "max_pool3d_with_indices": "reduction",
    "avg_pool2d": "reduction",
    "avg_pool3d": "reduction",
    "amax": "reduction",
    "sum": "reduction",
    "topk": "reduction",
    "var": "reduction",
    "mean": "reduction",
}
