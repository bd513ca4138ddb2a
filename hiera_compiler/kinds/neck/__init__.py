"""Neck kinds, and what those share that make maps of one width."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.ir import AsGrid, AsTokens, Convolution, SlidingPool, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.ops.pool import slid
from hiera_compiler.kinds.choice import Choice
from hiera_compiler.kinds.form import Count
from hiera_compiler.kinds.roles import Neck, Normalization

Norm = Annotated[
    Normalization | None,
    Choice("norm", optional=True),
    Field(description="How tokens are normalised after each convolution, which then has no bias; `none`: not."),
]


class PyramidNeck(Neck):
    """A neck whose maps have the same channels."""

    channels: Annotated[Count, Field(description="Channels of every map of the pyramid.")] = 256
    norm: Norm = None
    extra: Annotated[
        Literal["max_pool", "none"],
        Field(
            description="`max_pool`: one map more, the coarsest at every second row and column, which is max pooling "
            "by a kernel of 1 (the P6 of Mask R-CNN)."
        ),
    ] = "max_pool"

    def convolved(self, builder: GraphBuilder, name: str, norm_name: str, x: Value, side: int) -> Value:
        """A map under a kernel of that side, normalised where the neck normalises."""
        kernel = (side,) * (len(x.shape) - 1)
        x = builder.add(name, Convolution(x.channels, self.channels, kernel, bias=self.norm is None), x)
        return x if self.norm is None else self.norm.lower(builder, norm_name, x)

    def with_finer(self, builder: GraphBuilder, levels: list[Value], finer: Value) -> list[Value]:
        """The maps of the pyramid so far and one before them; behind the first of all stands the one more."""
        if levels or self.extra == "none":
            return [finer, *levels]
        return [finer, max_pooled(builder, "extra", finer, 1)]


def max_pooled(builder: GraphBuilder, name: str, x: Value, side: int) -> Value:
    """A map under a kernel of that side at every second row and column; time is left as it is."""
    before, time = UnitLayout.raster(x.shape[:-1]), (1,) * (len(x.shape) - 3)
    kernel, stride, padding = (*time, side, side), (*time, 2, 2), (0,) * (len(x.shape) - 1)
    after = UnitLayout.raster(slid(before.grid, kernel, stride, padding))
    pool = SlidingPool("max", before, after, kernel, stride, padding)
    tokens = builder.add(f"{name}.tokens", AsTokens(), x)
    return builder.add(name, AsGrid(after.grid), builder.add(f"{name}.pooled", pool, tokens))
