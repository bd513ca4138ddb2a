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
from hiera_compiler.kinds.roles import Attention, BlockContext, Pooling

Sides = tuple[int, ...]
Pools = tuple[tuple[str, Pooling | None], tuple[str, Pooling | None], tuple[str, Pooling | None]]
"""How queries, keys and values are pooled, if they are, and what the nodes are named."""


class ProjectedAttention(Attention):
    """Attention whose queries, keys and values one linear layer makes, or one each where tokens are pooled first."""

    qkv_bias: Annotated[
        bool, silent(True), Field(description="Whether the layer of queries, keys and values has a bias.")
    ] = True

    pool_first: Annotated[
        bool,
        silent(False),
        Field(
            description="Where what attends is pooled: false, after the layer of queries, keys and values; true, "
            "before it, which then is a layer for each (MViT's POOL_FIRST)."
        ),
    ] = False

    def projected(
        self, builder: GraphBuilder, x: Value, block: BlockContext, pools: Pools | None = None
    ) -> tuple[Value, Value, Value]:
        """Queries, keys and values, pooled; where nothing is said, queries as the block pools, and only they."""
        parts, pools = ("query", "key", "value"), pools or (("attn.pooled_query", block.pool), ("", None), ("", None))
        if self.pool_first:
            entering = [block.pooled_by(pool, builder, name, x) for name, pool in pools]
            query, key, value = (
                builder.add(f"attn.{part}", Linear(x.channels, block.channels, self.qkv_bias), tokens)
                for part, tokens in zip(parts, entering, strict=True)
            )
            return query, key, value
        qkv = builder.add("attn.qkv", Linear(x.channels, 3 * block.channels, self.qkv_bias), x)
        made = [builder.add(f"attn.{part}", Split(3, index), qkv) for index, part in enumerate(parts)]
        query, key, value = (
            block.pooled_by(pool, builder, name, tokens, block.heads)
            for (name, pool), tokens in zip(pools, made, strict=True)
        )
        return query, key, value


class MultiHeadAttention(ProjectedAttention):
    """Softmax attention in heads, whose scores may know how far apart tokens are."""

    relative: Annotated[
        Literal["none", "decomposed"],
        silent("none"),
        Field(
            description="`decomposed`: scores know the distances of height, width and time, each by a learned table "
            "(MViTv2, section 4.1); inside a window or a mask unit, or on the whole grid, as tokens attend."
        ),
    ] = "none"

    def attended(
        self, builder: GraphBuilder, x: Value, block: BlockContext, *, across_units: bool, bias: Value | None = None
    ) -> Value:
        """Multi-head attention whose queries, and only they, are pooled where the block pools (Hiera, section 4)."""
        tokens = self.projected(builder, x, block)
        layouts = block.pooled_layout, block.layout
        attended = self.gathered(builder, tokens, layouts, block, across_units=across_units, bias=bias)
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
