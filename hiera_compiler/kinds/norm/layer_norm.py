"""Layer normalisation."""

from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.ir import Norm
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.roles import Normalization


class LayerNorm(Normalization):
    """Each token's channels to mean 0 and variance 1, then a learned scale and shift."""

    kind: Literal["layer_norm"] = "layer_norm"
    epsilon: Annotated[float, Field(gt=0, le=1, description="Added to the variance, against division by zero.")] = 1e-6

    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        return builder.add(name, Norm(x.channels, self.epsilon), x)
