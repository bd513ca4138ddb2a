"""Max pooling."""

from typing import Literal

from hiera_compiler.ir import UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.pool import KernelPooling


class MaxPooling(KernelPooling):
    """The largest value of each channel among neighbouring tokens that become one (Hiera, section 3)."""

    kind: Literal["max"] = "max"

    def lower(self, builder: GraphBuilder, name: str, x: Value, layout: UnitLayout, heads: int = 1) -> Value:
        return self.reduced(builder, name, x, layout, "max")
