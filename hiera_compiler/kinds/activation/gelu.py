"""The Gaussian error linear unit."""

from typing import Literal

from hiera_compiler.ir import Activate
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import Activation


class Gelu(Activation):
    """x times the normal distribution function of x, by the exact error function."""

    kind: Literal["gelu"] = "gelu"

    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        return builder.add(name, Activate("gelu"), x)
