"""Pooling by a learned kernel."""

from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.ir import JoinHeads, SlidingConvolution, SplitHeads, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.choice import Choice
from hiera_compiler.kinds.norm.layer_norm import LayerNorm
from hiera_compiler.kinds.pool import KernelPooling
from hiera_compiler.kinds.roles import Normalization


class ConvolutionPooling(KernelPooling):
    """A depth-wise convolution, whose kernel the heads of queries, keys or values share, and a norm (MViTv2)."""

    kind: Literal["conv"] = "conv"
    norm: Annotated[
        Normalization | None,
        Choice("norm", optional=True),
        Field(description="How the pooled tokens are normalised, each head by itself; `none`: not at all."),
    ] = LayerNorm()

    def lower(self, builder: GraphBuilder, name: str, x: Value, layout: UnitLayout, heads: int = 1) -> Value:
        sizes = self.size, self.stride, self.border
        return builder.add(name, SlidingConvolution(x.channels // heads, layout, self.pooled(layout), *sizes), x)

    def normalised(self, builder: GraphBuilder, name: str, x: Value, heads: int = 1) -> Value:
        if self.norm is None:
            return x
        if heads == 1:
            return self.norm.lower(builder, f"{name}_norm", x)
        x = builder.add(f"{name}_heads", SplitHeads(heads), x)
        return builder.add(f"{name}_normed", JoinHeads(), self.norm.lower(builder, f"{name}_norm", x))
