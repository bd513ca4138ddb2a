"""The feature pyramid network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.ir import Add, Upsample
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.neck import PyramidNeck


class FeaturePyramid(PyramidNeck):
    """A feature pyramid network (Lin et al., 2017): one map for each stage, and coarser ones added to finer ones.

    The map of a stage becomes `channels` wide by a convolution of 1; the coarser level, each of its tokens repeated up
    to this grid, is added to it; and a convolution of 3 makes the level's output. Parameters are named as in
    torchvision: `inner_blocks.N` and `layer_blocks.N`, N counting levels from the finest.
    """

    kind: Literal["feature_pyramid"] = "feature_pyramid"
    stages: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=16)], ...],
        Field(
            max_length=16,
            strict=False,
            description="The stages whose maps are read, in order, the first being 0; `[]`: all.",
        ),
    ] = ()

    def reads(self, stages: int) -> tuple[int, ...]:
        return self.stages or super().reads(stages)

    def lower(self, builder: GraphBuilder, maps: Sequence[Value]) -> list[Value]:
        levels: list[Value] = []
        coarser: Value | None = None
        for level in reversed(range(len(maps))):
            with builder.origin("neck", level):
                x = self.convolved(builder, f"inner_blocks.{level}", f"inner_norms.{level}", maps[level], 1)
                if coarser is not None:
                    x = builder.add(f"merged.{level}", Add(), x, _upsampled(builder, f"upsampled.{level}", coarser, x))
                coarser = x
                x = self.convolved(builder, f"layer_blocks.{level}", f"layer_norms.{level}", x, 3)
                levels = self.with_finer(builder, levels, x)
        return levels


def _upsampled(builder: GraphBuilder, name: str, coarser: Value, x: Value) -> Value:
    """The coarser level on the grid of a finer one, which a rule says is a multiple of it."""
    factors = tuple(fine // coarse for fine, coarse in zip(x.shape[:-1], coarser.shape[:-1], strict=True))
    return coarser if set(factors) == {1} else builder.add(name, Upsample(factors), coarser)
