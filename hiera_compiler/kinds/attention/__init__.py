"""Attention kinds, and the projections that they share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.ir import (
    Add,
    AsGrid,
    AsTokens,
    Attend,
    CropGrid,
    Linear,
    PadGrid,
    RelativePosition,
    RollGrid,
    Split,
    ToGrid,
    ToUnits,
    UnitLayout,
)
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.roles import Attention, BlockContext

Sides = tuple[int, ...]


class ProjectedAttention(Attention):
    """Attention whose queries, keys and values one linear layer makes."""

    qkv_bias: Annotated[
        bool, silent(True), Field(description="Whether the layer of queries, keys and values has a bias.")
    ] = True

    relative: Annotated[
        Literal["none", "decomposed"],
        silent("none"),
        Field(
            description="`decomposed`: scores know the distances of height, width and time, each by a learned table "
            "(MViTv2, section 4.1); inside a window or a mask unit, or on the whole grid, as tokens attend."
        ),
    ] = "none"

    def projected(self, builder: GraphBuilder, x: Value, block: BlockContext) -> tuple[Value, Value, Value]:
        """Queries, keys and values of every token."""
        qkv = builder.add("attn.qkv", Linear(x.channels, 3 * block.channels, self.qkv_bias), x)
        query, key, value = (
            builder.add(f"attn.{name}", Split(3, index), qkv) for index, name in enumerate(("query", "key", "value"))
        )
        return query, key, value

    def attended(
        self, builder: GraphBuilder, x: Value, block: BlockContext, *, across_units: bool, bias: Value | None = None
    ) -> Value:
        """Multi-head attention whose queries, and only they, are pooled where the block pools (Hiera, section 4)."""
        query, key, value = self.projected(builder, x, block)
        query = block.pooled(builder, "attn.pooled_query", query, block.heads)
        layouts = block.pooled_layout, block.layout
        attended = self.gathered(builder, (query, key, value), layouts, block, across_units=across_units, bias=bias)
        return builder.add("attn.proj", Linear(block.channels, block.channels), attended)

    def gathered(
        self,
        builder: GraphBuilder,
        tokens: tuple[Value, Value, Value],
        layouts: tuple[UnitLayout, UnitLayout],
        block: BlockContext,
        *,
        across_units: bool,
        bias: Value | None = None,
    ) -> Value:
        """What queries gather from keys and values; layouts order the queries, and the keys."""
        biases = [] if bias is None else [bias]
        if self.relative == "decomposed":
            width = block.channels // block.heads
            position = RelativePosition(block.heads, width, *layouts, across_units, block.class_token)
            biases.insert(0, builder.add("attn.rel_pos", position, tokens[0]))
        if len(biases) == 2:
            biases = [builder.add("attn.all_biases", Add(), *biases)]
        return builder.add("attn.attend", Attend(block.heads, across_units), *tokens, *biases)


def in_windows(
    builder: GraphBuilder, name: str, x: Value, grid: Sides, windows: UnitLayout, shift: Sides = ()
) -> Value:
    """Tokens in raster order of a grid by windows: where these do not divide it, zeros are added at its ends."""
    padding = tuple(wide - side for wide, side in zip(windows.grid, grid, strict=True))
    x = builder.add(f"{name}.grid", AsGrid(grid), x)
    if any(padding):
        x = builder.add(f"{name}.padded", PadGrid(padding), x)
    if any(shift):
        x = builder.add(f"{name}.shifted", RollGrid(shift), x)
    return builder.add(f"{name}.windows", ToUnits(windows), x)


def out_of_windows(
    builder: GraphBuilder, name: str, x: Value, grid: Sides, windows: UnitLayout, shift: Sides = ()
) -> Value:
    """Tokens by windows in the raster order of a grid, without what was added at its ends."""
    x = builder.add(f"{name}.merged", ToGrid(windows), x)
    if any(shift):
        x = builder.add(f"{name}.unshifted", RollGrid(tuple(-side for side in shift)), x)
    if x.shape[:-1] != grid:
        x = builder.add(f"{name}.cropped", CropGrid(grid), x)
    return builder.add(f"{name}.tokens", AsTokens(), x)
