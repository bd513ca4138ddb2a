"""A transformer block: what it depends on, and how it is written as primitives."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hiera_compiler.ir import Add, DropPath, JoinChannels, LayerScale, Linear, Shape, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import Activation, Attention, BlockContext, Normalization, Pooling
from hiera_compiler.kinds.attention.global_attention import GlobalAttention
from hiera_compiler.kinds.pool.average_pool import AveragePooling
from hiera_compiler.kinds.pool.max_pool import MaxPooling
from hiera_compiler.spec import Spec, Stage


@dataclass(frozen=True)
class Style:
    """What all blocks of a model have in common; `drops` says that they drop paths in training.

    `layer_scale` is where the factors of each branch start, none where there are none.
    """

    norm: Normalization
    activation: Activation
    drops: bool
    layer_scale: float | None = None

    @classmethod
    def of(cls, spec: Spec) -> Style:
        """The style of a spec's blocks. Where nothing is ever dropped there is no drop path."""
        return cls(spec.norm, spec.activation, spec.drop_path.rate > 0, spec.layer_scale)


@dataclass(frozen=True)
class Flow:
    """What flows from one block to the next, and all that a block may know of those before it.

    ``shape`` is ``(units, tokens, channels)``; `layout` orders the tokens of a unit; `attention` is that of the
    stage before, none in the first stage; `class_token` says that one more token stands before all others.
    """

    shape: Shape
    layout: UnitLayout
    attention: Attention | None = None
    class_token: bool = False

    def leaving(self, stage: Stage) -> Flow:
        """The same flow at the end of a stage."""
        return replace(self, attention=stage.attention)


@dataclass(frozen=True)
class Block:
    """One block as its stage asks for it; `pool` is none but in the first block of a stage that pools."""

    channels: int
    heads: int
    hidden: int
    attention: Attention
    pool: Pooling | None
    skip: str = "projection"
    out_channels: int | None = None


@dataclass(frozen=True)
class StageBlocks:
    """The blocks of a stage: the first, those that repeat after it, and how those attend that attend globally.

    `out_channels` leave the last one.
    """

    first: Block
    other: Block
    global_attention: Attention
    global_at: tuple[int, ...]
    depth: int
    out_channels: int | None

    @property
    def alike(self) -> bool:
        """Whether all blocks after the first are one."""
        return not self.global_at and self.out_channels is None and self.other.attention.alike

    def at(self, position: int) -> Block:
        """The block at a position, counted from 0."""
        block = self.other if position else self.first
        attention = self.global_attention if position in self.global_at else block.attention.at(position)
        if attention != block.attention:
            block = replace(block, attention=attention)
        if position == self.depth - 1 and self.out_channels is not None:
            block = replace(block, out_channels=self.out_channels)
        return block


def stage_blocks(stage: Stage, before: Attention | None) -> StageBlocks:
    """The blocks of a resolved stage. The first one pools, and by default attends like the stage before."""
    assert stage.mlp_ratio is not None, "a resolved stage says its own"
    first = stage.attention if before is None or stage.first_attention == "own" else before
    sizes = (stage.channels, stage.heads, int(stage.channels * stage.mlp_ratio))
    return StageBlocks(
        Block(*sizes, first, stage.pool, stage.skip),
        Block(*sizes, stage.attention, None),
        GlobalAttention.like(stage.attention),
        stage.global_at,
        stage.depth,
        stage.out_channels,
    )


def lower_block(
    builder: GraphBuilder, style: Style, block: Block, x: Value, flow: Flow, rate: float | None
) -> tuple[Value, Flow]:
    """A pre-norm transformer block; where it widens, the skip is a projection of the *normalised* input."""
    channels, pool = block.channels, block.pool
    if pool is not None and pool.before_block:
        x = pool.enter(builder, x, flow.layout, channels, style.norm)
        block, flow = replace(block, pool=None), replace(flow, layout=pool.pooled(flow.layout))
    normed = style.norm.lower(builder, "norm1", x)
    context = BlockContext(channels, block.heads, flow.layout, block.pool, flow.class_token)
    skip = _skip(builder, block, x, normed, context)
    y = block.attention.lower(builder, normed, context)
    x = _residual(builder, style, "attn", skip, y, rate)
    y = style.norm.lower(builder, "norm2", x)
    leaving = block.out_channels or channels
    skip = x if leaving == channels else builder.add("mlp.proj", Linear(channels, leaving), y)
    y = builder.add("mlp.fc1", Linear(channels, block.hidden), y)
    y = style.activation.lower(builder, "mlp.activation", y)
    y = builder.add("mlp.fc2", Linear(block.hidden, leaving), y)
    x = _residual(builder, style, "mlp", skip, y, rate)
    return x, replace(flow, shape=x.shape, layout=context.pooled_layout)


def _skip(builder: GraphBuilder, block: Block, x: Value, normed: Value, context: BlockContext) -> Value:
    if x.channels == block.channels:
        return context.pooled(builder, "pooled_skip", x)
    if block.skip == "pooled_projection":
        pooled = context.pooled(builder, "pooled_skip", normed)
        return builder.add("proj", Linear(x.channels, block.channels), pooled)
    if block.skip == "projection":
        projected = builder.add("proj", Linear(x.channels, block.channels), normed)
        return context.pooled(builder, "pooled_skip", projected)
    if block.channels != 2 * x.channels:
        builder.refuse(
            "skip",
            f"a skip of maximum and mean makes {2 * x.channels} of {x.channels} channels, not {block.channels}",
            f"use {2 * x.channels} channels, or skip: projection",
            at="skip",
        )
    halves = []
    for name, kind in (("largest", MaxPooling), ("mean", AveragePooling)):
        # Each makes as many tokens as the block's own pooling.
        kernel, padding = (getattr(block.pool, option, None) for option in ("kernel", "padding"))
        pool = None if block.pool is None else kind(stride=block.pool.stride, kernel=kernel, padding=padding)
        halves.append(replace(context, pool=pool).pooled(builder, f"{name}_skip", x))
    return builder.add("skip", JoinChannels(), *halves)


def _residual(builder: GraphBuilder, style: Style, branch: str, skip: Value, y: Value, rate: float | None) -> Value:
    if style.layer_scale is not None:
        y = builder.add("ls1" if branch == "attn" else "ls2", LayerScale(y.channels, style.layer_scale), y)
    if rate is not None:
        y = builder.add(f"{branch}.drop_path", DropPath(rate), y)
    return builder.add(f"{branch}.residual", Add(), skip, y)
