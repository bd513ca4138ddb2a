"""Patch merging."""

from __future__ import annotations

from typing import ClassVar, Literal

from hiera_compiler.ir import Linear, MergeTokens, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import Normalization, Pooling


class PatchMerging(Pooling):
    """Neighbouring tokens side by side in the channels, a norm, and a linear layer without bias (Swin, section 3.1).

    It makes the stage's tokens before its first block, which then neither pools nor widens.
    """

    kind: Literal["merge"] = "merge"
    before_block: ClassVar[bool] = True

    def pooled(self, layout: UnitLayout) -> UnitLayout:
        if layout.folds[:1] == (self.stride,):
            return layout.pooled()
        sides = tuple(-(-side // step) for side, step in zip(layout.unit, self.stride, strict=True))
        return UnitLayout(layout.units, (sides,))

    def lower(self, builder: GraphBuilder, name: str, x: Value, layout: UnitLayout, heads: int = 1) -> Value:
        return builder.add(name, MergeTokens(layout, self.pooled(layout), self.stride), x)

    def enter(self, builder: GraphBuilder, x: Value, layout: UnitLayout, channels: int, norm: Normalization) -> Value:
        x = self.lower(builder, "merge.neighbours", x, layout)
        x = norm.lower(builder, "merge.norm", x)
        return builder.add("merge.reduction", Linear(x.channels, channels, bias=False), x)
