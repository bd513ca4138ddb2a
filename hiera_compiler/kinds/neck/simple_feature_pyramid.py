"""The simple feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hiera_compiler.ir import Activate, TransposedConvolution
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.neck import Norm, PyramidNeck, max_pooled
from hiera_compiler.kinds.norm.layer_norm import LayerNorm


class SimpleFeaturePyramid(PyramidNeck):
    """The pyramid of plain backbones (ViTDet, Li et al., 2022): the last map at 4, 2, 1 and 1/2 of its size.

    It grows by transposed convolutions of 2, each halving the channels, with norm and GELU between the two, and shrinks
    by max pooling of 2; then come a convolution of 1 and one of 3. Time is left as it is.
    """

    kind: Literal["simple_feature_pyramid"] = "simple_feature_pyramid"
    norm: Norm = LayerNorm()

    def reads(self, stages: int) -> tuple[int, ...]:
        return (stages - 1,)

    def lower(self, builder: GraphBuilder, maps: Sequence[Value]) -> list[Value]:
        (last,) = maps
        levels: list[Value] = []
        for level in reversed(range(4)):
            name = f"simfp_{level}"
            with builder.origin("neck", level):
                x = self._scaled(builder, name, last, level)
                x = self.convolved(builder, f"{name}.lateral", f"{name}.lateral_norm", x, 1)
                x = self.convolved(builder, f"{name}.output", f"{name}.output_norm", x, 3)
                levels = self.with_finer(builder, levels, x)
        return levels

    def _scaled(self, builder: GraphBuilder, name: str, x: Value, level: int) -> Value:
        """The map at the scale of a level: 4, 2, 1, 1/2."""
        match level:
            case 0:
                half = _doubled(builder, f"{name}.up0", x)
                if self.norm is not None:
                    half = self.norm.lower(builder, f"{name}.up0_norm", half)
                half = builder.add(f"{name}.activation", Activate("gelu"), half)
                return _doubled(builder, f"{name}.up1", half)
            case 1:
                return _doubled(builder, f"{name}.up0", x)
            case 2:
                return x
            case _:
                return max_pooled(builder, f"{name}.down", x, 2)


def _doubled(builder: GraphBuilder, name: str, x: Value) -> Value:
    """A map with twice the height and width, and half the channels."""
    kernel = (*(1,) * (len(x.shape) - 3), 2, 2)
    return builder.add(name, TransposedConvolution(x.channels, max(1, x.channels // 2), kernel), x)
