"""Average pooling."""

from typing import Literal

from hiera_compiler.ir import UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.pool import KernelPooling


class AveragePooling(KernelPooling):
    """The mean of each channel among neighbouring tokens that become one; padding counts as zeros."""

    kind: Literal["average"] = "average"

    def lower(self, builder: GraphBuilder, name: str, x: Value, layout: UnitLayout, heads: int = 1) -> Value:
        return self.reduced(builder, name, x, layout, "mean")
