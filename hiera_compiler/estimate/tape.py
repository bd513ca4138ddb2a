"""What PyTorch hands to the device when a model runs: the calls that a forward pass makes, without running it.

The tape follows PyTorch's rules on shapes, strides and dtypes: when a reshape copies, what automatic mixed
precision casts, how a linear layer or a matrix product becomes one call of the matrix library.
"""

from __future__ import annotations

from itertools import count
from math import prod
from typing import NamedTuple

from hiera_compiler.estimate.regime import Regime
from hiera_compiler.estimate.tensor import DType, Sizes, Tensor, iterated, row_major


class Call(NamedTuple):
    """One call that reaches the device: an operation of PyTorch's ATen library, what it reads and writes.

    `detail` holds what the shapes do not say: the groups of a convolution; of a pooling over planes, how many
    elements the outputs of one plane walk over.
    """

    name: str
    reads: tuple[Tensor, ...]
    writes: tuple[Tensor, ...]
    node: str = ""
    detail: int = 1


class Tape:
    """The calls so far; each method appends what the PyTorch function of its name calls, and returns its result."""

    def __init__(self, regime: Regime) -> None:
        self.regime = regime
        self.calls: list[Call] = []
        self.node = ""
        self._sources = count()

    def tensor(self, shape: Sizes, dtype: DType, *, fixed: bool = False, strides: Sizes | None = None) -> Tensor:
        """New memory."""
        return Tensor(shape, strides or row_major(shape), dtype, next(self._sources), fixed)

    def parameter(self, *shape: int) -> Tensor:
        """A weight as it is stored in this regime."""
        return self.tensor(shape, self.regime.weights, fixed=True)

    def call(
        self, name: str, reads: tuple[Tensor, ...], shape: Sizes, dtype: DType, strides: Sizes | None = None
    ) -> Tensor:
        """Append a call with one result."""
        result = self.tensor(shape, dtype, fixed=all(tensor.fixed for tensor in reads), strides=strides)
        self.calls.append(Call(name, reads, (result,), self.node))
        return result

    def pointwise(self, name: str, *reads: Tensor) -> Tensor:
        """An element-wise function; the result keeps the order of axes of what it reads."""
        shape = max((tensor.shape for tensor in reads), key=prod)
        dtype: DType = "fp32" if any(tensor.dtype == "fp32" for tensor in reads) else "fp16"
        leader = next(tensor for tensor in reads if tensor.shape == shape)
        return self.call(name, reads, shape, dtype, leader.kept_order(shape))

    def cast(self, x: Tensor, dtype: DType) -> Tensor:
        """The tensor in another dtype; weights that the regime casts once and keeps cost nothing."""
        if x.dtype == dtype:
            return x
        if x.fixed and self.regime.keeps_cast_weights:
            return self.tensor(x.shape, dtype, fixed=True, strides=x.strides)
        return self.call("_to_copy", (x,), x.shape, dtype, x.kept_order(x.shape))

    def reshape(self, x: Tensor, *shape: int) -> Tensor:
        """A view where the strides allow one, else a copy."""
        if -1 in shape:
            known = prod(size for size in shape if size != -1)
            shape = tuple(x.elements // known if size == -1 else size for size in shape)
        view = x.view(*shape)
        if view is not None:
            return view
        copied = self.contiguous(x).view(*shape)
        assert copied is not None
        return copied

    def contiguous(self, x: Tensor) -> Tensor:
        """The tensor in row-major order, by a copy where it lies otherwise."""
        return x if x.contiguous else self.call("clone", (x,), x.shape, x.dtype)

    def join(self, shape: Sizes, *parts: Tensor) -> Tensor:
        """Samples of this shape, joined from parts of the same number of axes."""
        dtype: DType = "fp32" if any(part.dtype == "fp32" for part in parts) else "fp16"
        return self.call("cat", parts, (parts[-1].shape[0], *shape), dtype)

    def broadcast(self, name: str, first: Tensor, second: Tensor) -> Tensor:
        """An element-wise function of two tensors, each broadcast along axes where it has one element."""
        shape = tuple(max(sides) for sides in zip(first.shape, second.shape, strict=True))
        strides = [x.broadcast_strides(shape) for x in (first, second)]
        return self.call(name, (first, second), shape, first.dtype, iterated(shape, strides))

    def maximum(self, x: Tensor) -> Tensor:
        """The maximum over the second axis by ``max(dim)``, which writes the indices as well."""
        shape = (x.shape[0], *x.shape[2:])
        values, indices = self.tensor(shape, x.dtype), self.tensor(shape, "int64")
        self.calls.append(Call("max.dim", (x,), (values, indices), self.node))
        return values

    def product_dtype(self, x: Tensor) -> DType:
        """The dtype in which matrix products and convolutions run."""
        return "fp16" if self.regime.autocast else x.dtype

    def linear(self, x: Tensor, out_channels: int, bias: bool = True, weight: Tensor | None = None) -> Tensor:
        """A linear layer: one addmm over all rows, or one mm without a bias; `weight` is its own, or what makes it.

        The bias of more than a matrix whose rows do not lie one behind the other is added by a call of its own.
        """
        dtype = self.product_dtype(x)
        x = self.cast(x, dtype)
        weight = self.cast(weight or self.parameter(out_channels, x.shape[-1]), dtype)
        added = (self.cast(self.parameter(out_channels), dtype),) if bias else ()
        rows = self.reshape(x, -1, x.shape[-1])
        with_bias = added if len(x.shape) == 2 or x.contiguous else ()
        name, size = "addmm" if with_bias else "mm", (rows.shape[0], out_channels)
        out = self.call(name, (*with_bias, rows, weight.transpose(0, 1)), size, dtype)
        result = out.view(*x.shape[:-1], out_channels)
        assert result is not None
        return result if with_bias == added else self.pointwise("add", result, *added)

    def convolution(self, x: Tensor, out_channels: int, kernel: Sizes, grid: Sizes) -> Tensor:
        """A convolution with bias, channels first."""
        dtype = self.product_dtype(x)
        x = self.cast(x, dtype)
        weight = self.cast(self.parameter(out_channels, x.shape[1], *kernel), dtype)
        bias = self.cast(self.parameter(out_channels), dtype)
        return self.call("convolution", (x, weight, bias), (x.shape[0], out_channels, *grid), dtype)

    def depthwise(self, x: Tensor, width: int, kernel: Sizes, grid: Sizes) -> Tensor:
        """A depth-wise convolution without bias, channels first, whose groups of `width` channels share weights."""
        dtype = self.product_dtype(x)
        x = self.cast(x, dtype)
        weight, channels = self.parameter(width, 1, *kernel), x.shape[1]
        if channels > width:
            weight = self.call("repeat", (weight,), (channels, 1, *kernel), weight.dtype)
        size = (x.shape[0], channels, *grid)
        out = self.tensor(size, dtype, strides=x.kept_order(size))
        self.calls.append(Call("convolution", (x, self.cast(weight, dtype)), (out,), self.node, channels))
        return out

    def layer_norm(self, x: Tensor) -> Tensor:
        """Layer normalisation over the last axis; under autocast in fp32."""
        if self.regime.autocast:
            x = self.cast(x, "fp32")
        weights = (self.parameter(x.shape[-1]), self.parameter(x.shape[-1]))
        return self.call("native_layer_norm", (x, *weights), x.shape, x.dtype)

    def softmax(self, x: Tensor) -> Tensor:
        """Softmax over the last axis; autocast asks for an fp32 result, which the kernel makes from half input."""
        return self.call("_softmax", (x,), x.shape, "fp32" if self.regime.autocast else x.dtype)

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        """A product of stacks of matrices: all leading axes are folded into one, by copies where they must be."""
        dtype = self.product_dtype(a)
        a, b = self.cast(a, dtype), self.cast(b, dtype)
        stacks = prod(a.shape[:-2])
        left = self.reshape(a, stacks, *a.shape[-2:])
        right = self.reshape(b, stacks, *b.shape[-2:])
        out = self.call("bmm", (left, right), (stacks, a.shape[-2], b.shape[-1]), dtype)
        result = out.view(*a.shape[:-2], a.shape[-2], b.shape[-1])
        assert result is not None
        return result

    def attention(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        """Attention of ``[..., heads, tokens, width]`` tensors by the regime's path, which fuses no bias."""
        if self.regime.fused_attention and len(q.shape) == 4 and bias is None:
            dtype = self.product_dtype(q)
            q, k, v = (self.cast(x, dtype) for x in (q, k, v))
            _, heads, tokens, width = q.shape
            strides = (tokens * heads * width, width, heads * width, 1)
            return self.call("attention", (q, k, v), q.shape, dtype, strides)
        scores = self.matmul(self.pointwise("mul", q), k.transpose(-2 + len(k.shape), -1 + len(k.shape)))
        if bias is not None:
            scores = self.pointwise("add", scores, bias)
        return self.matmul(self.softmax(scores), v)
