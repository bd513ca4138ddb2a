"""Squared ReLU."""

from typing import Literal

from custom_kinds.ops import SquaredReLU
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import Activation


class SquaredReLUActivation(Activation):
    """The square of ReLU (Primer, So et al. 2021)."""

    kind: Literal["squared_relu"] = "squared_relu"

    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        return builder.add(name, SquaredReLU(), x)
