"""Max pooling with a kernel equal to its stride."""

from typing import Literal

from hiera_compiler.ir import Pool
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import Pooling


class MaxPooling(Pooling):
    """The largest value of each channel among neighbouring tokens that become one (Hiera, section 3)."""

    kind: Literal["max"] = "max"

    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        return builder.add(name, Pool("max", self.stride), x)
