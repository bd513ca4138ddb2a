"""A transformer block: what it depends on, and how it is written as primitives."""

from __future__ import annotations

from dataclasses import dataclass

from hiera_compiler.ir import Add, DropPath, Linear, Shape, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import Activation, Attention, BlockContext, Normalization, Pooling
from hiera_compiler.spec import Spec, Stage


@dataclass(frozen=True)
class Style:
    """What all blocks of a model have in common; `drops` says that they drop paths in training."""

    norm: Normalization
    activation: Activation
    drops: bool

    @classmethod
    def of(cls, spec: Spec) -> Style:
        """The style of a spec's blocks. Where nothing is ever dropped there is no drop path."""
        return cls(spec.norm, spec.activation, spec.drop_path.rate > 0)


@dataclass(frozen=True)
class Flow:
    """What flows from one block to the next, and all that a block may know of those before it.

    ``shape`` is ``(units, tokens, channels)``; `layout` orders the tokens of a unit; `attention` is that of the
    stage before, none in the first stage.
    """

    shape: Shape
    layout: UnitLayout
    attention: Attention | None = None

    def leaving(self, stage: Stage) -> Flow:
        """The same flow at the end of a stage."""
        return Flow(self.shape, self.layout, stage.attention)


@dataclass(frozen=True)
class Block:
    """One block as its stage asks for it; `pool` is none but in the first block of a stage that pools."""

    channels: int
    heads: int
    hidden: int
    attention: Attention
    pool: Pooling | None


def stage_blocks(stage: Stage, before: Attention | None) -> tuple[Block, Block]:
    """The first block of a resolved stage, and the block that repeats after it.

    The first one pools, and by default attends like the stage before.
    """
    assert stage.mlp_ratio is not None, "a resolved stage says its own"
    first = stage.attention if before is None or stage.first_attention == "own" else before
    sizes = (stage.channels, stage.heads, int(stage.channels * stage.mlp_ratio))
    return Block(*sizes, first, stage.pool), Block(*sizes, stage.attention, None)


def lower_block(
    builder: GraphBuilder, style: Style, block: Block, x: Value, flow: Flow, rate: float | None
) -> tuple[Value, Flow]:
    """A pre-norm transformer block; where it widens, the skip is a projection of the *normalised* input."""
    channels = block.channels
    normed = style.norm.lower(builder, "norm1", x)
    skip = x if x.channels == channels else builder.add("proj", Linear(x.channels, channels), normed)
    if block.pool is not None:
        skip = block.pool.lower(builder, "pooled_skip", skip)
    y = block.attention.lower(builder, normed, BlockContext(channels, block.heads, flow.layout, block.pool))
    x = _residual(builder, "attn", skip, y, rate)
    y = style.norm.lower(builder, "norm2", x)
    y = builder.add("mlp.fc1", Linear(channels, block.hidden), y)
    y = style.activation.lower(builder, "mlp.activation", y)
    y = builder.add("mlp.fc2", Linear(block.hidden, channels), y)
    x = _residual(builder, "mlp", x, y, rate)
    return x, Flow(x.shape, flow.layout if block.pool is None else flow.layout.pooled(), flow.attention)


def _residual(builder: GraphBuilder, branch: str, skip: Value, y: Value, rate: float | None) -> Value:
    if rate is not None:
        y = builder.add(f"{branch}.drop_path", DropPath(rate), y)
    return builder.add(f"{branch}.residual", Add(), skip, y)
