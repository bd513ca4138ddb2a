"""Pooling kinds, and what those share whose kernel slides over neighbouring tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hiera_compiler.diagnostics import times
from hiera_compiler.ir import Pool, SlidingPool, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.ops.pool import slid
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.roles import SMALLER_POOLING, Pooling


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
        after, sides = layout.pooled_by(self.stride), slid(layout.unit, self.size, self.stride, self.border)
        return after if after is not None and after.unit == sides else UnitLayout(layout.units, (sides,))

    def misfit(self, layout: UnitLayout) -> tuple[str, str] | None:
        kernel, border = times(self.size), times(self.border)
        if any(2 * pad > size for pad, size in zip(self.border, self.size, strict=True)):
            most = [size // 2 for size in self.size]
            message = f"a padding of {border} is more than half the kernel of {kernel}"
            return message, f"use a padding of at most {most}, or give this pooling a larger kernel"
        if min(self.pooled(layout).unit) < 1:
            padded = f" with a padding of {border}" if any(self.border) else ""
            return f"a kernel of {kernel}{padded} does not fit {times(layout.unit)} tokens", SMALLER_POOLING
        return None

    def reduced(self, builder: GraphBuilder, name: str, x: Value, layout: UnitLayout, reduction: str) -> Value:
        """The tokens pooled by a reduction without weights."""
        after = self.pooled(layout)
        if not self.overlaps and layout.pooled_by(self.stride) is not None:
            return builder.add(name, Pool(reduction, self.stride), x)
        return builder.add(name, SlidingPool(reduction, layout, after, self.size, self.stride, self.border), x)
