"""The rectified linear unit."""

from typing import Literal

from hiera_compiler.ir import Activate
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import Activation


class Relu(Activation):
    """x where it is positive, 0 elsewhere."""

    kind: Literal["relu"] = "relu"

    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        return builder.add(name, Activate("relu"), x)
