"""Pooling kinds, and what those share whose kernel slides over neighbouring tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hiera_compiler.ir import Pool, SlidingPool, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.ops.pool import slid
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.roles import Pooling


class KernelPooling(Pooling):
    """Pooling under a kernel, which is as large as the stride unless the spec says otherwise."""

    kernel: Annotated[
        tuple[int, ...] | None,
        Extent(time=1, optional=True),
        silent(None),
        Field(description="Tokens under the kernel along each axis; `none`: as many as the stride."),
    ] = None
    padding: Annotated[
        tuple[int, ...] | None,
        Extent(time=0, minimum=0, optional=True),
        silent(None),
        Field(description="Places added at each border of a mask unit, or of the grid where there are none."),
    ] = None

    @property
    def size(self) -> tuple[int, ...]:
        """The kernel's size along each axis."""
        return self.stride if self.kernel is None else self.kernel

    @property
    def border(self) -> tuple[int, ...]:
        """The places added at each border, along each axis."""
        return (0,) * len(self.stride) if self.padding is None else self.padding

    @property
    def overlaps(self) -> bool:
        """Whether it is more than a reduction of each token's own neighbours."""
        return self.size != self.stride or any(self.border)

    def pooled(self, layout: UnitLayout) -> UnitLayout:
        after = layout.pooled_by(self.stride)
        if after is not None:
            return after
        return UnitLayout(layout.units, (slid(layout.unit, self.size, self.stride, self.border),))

    def reduced(self, builder: GraphBuilder, name: str, x: Value, layout: UnitLayout, reduction: str) -> Value:
        """The tokens pooled by a reduction without weights."""
        after = self.pooled(layout)
        if not self.overlaps and layout.pooled_by(self.stride) is not None:
            return builder.add(name, Pool(reduction, self.stride), x)
        return builder.add(name, SlidingPool(reduction, layout, after, self.size, self.stride, self.border), x)
