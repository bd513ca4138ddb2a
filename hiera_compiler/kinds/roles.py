"""What a kind of each group must be able to do.

Shapes leave out the batch. Nodes are named by what they are for (``attn.qkv``), with at most one dot: a node's name is
the path of its weights in a block, and so in checkpoints. What cannot be built is refused with ``builder.refuse``, or
by a primitive's shapes; the spec's author then reads the message at the place of the kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from hiera_compiler.diagnostics import times
from hiera_compiler.ir import JoinTokens, Linear, SliceTokens, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.form import Kind

SMALLER_POOLING = "use a smaller stride or kernel here, a larger input or mask unit, or one pooling fewer before"
"""What to do about a pooling that is too large for the tokens."""


class Pooling(Kind, ABC):
    """How a stage's first block shrinks the token grid."""

    before_block: ClassVar[bool] = False
    """Whether it acts on what enters the stage's first block, by ``enter``, and not inside that block.

    Inside the block, ``lower`` pools what attention asks for (queries) and the skip beside it."""

    stride: Annotated[tuple[int, ...], Extent(time=1), Field(description="The factor along each axis.")] = (2,)

    @abstractmethod
    def lower(self, builder: GraphBuilder, name: str, x: Value, layout: UnitLayout, heads: int = 1) -> Value:
        """Pool ``(units, tokens, channels)``, whose tokens lie in a layout, to the layout that ``pooled`` gives.

        Where channels are those of several `heads`, these share weights. Channels stay as many, but where it acts
        ``before_block``.
        """

    def normalised(self, builder: GraphBuilder, name: str, x: Value, heads: int = 1) -> Value:
        """What the kind does to tokens once they are pooled, a class token included; most do nothing."""
        return x

    def enter(self, builder: GraphBuilder, x: Value, layout: UnitLayout, channels: int, norm: Normalization) -> Value:
        """Pool the tokens that enter a stage of so many channels, where that is before the first block.

        By default they are pooled as inside a block, and projected where the stage has other channels.
        """
        x = self.normalised(builder, "entry.norm", self.lower(builder, "entry.pooled", x, layout))
        return x if x.channels == channels else builder.add("entry.proj", Linear(x.channels, channels), x)

    def pooled(self, layout: UnitLayout) -> UnitLayout:
        """The layout after pooling, where each unit's sides are divided by the stride. It must be that of ``lower``."""
        after = layout.pooled_by(self.stride)
        if after is not None:
            return after
        sides = tuple(side // step for side, step in zip(layout.unit, self.stride, strict=True))
        return UnitLayout(layout.units, (sides,))

    def unpooled(self) -> Pooling | None:
        """What is left of it in a stage that is not to pool, as the last one in masked pretraining.

        Nothing of what acts inside a block. Before a block it makes the block's channels too, and does so with a
        stride of 1: else the block would have other weights than where it pools.
        """
        return self.model_copy(update={"stride": (1,) * len(self.stride)}) if self.before_block else None

    def misfit(self, layout: UnitLayout) -> tuple[str, str] | None:
        """What keeps it from pooling the tokens of such units, and what to do; none where nothing does."""
        if min(self.pooled(layout).unit) < 1:
            return f"{times(layout.unit)} tokens cannot be pooled by {times(self.stride)}", SMALLER_POOLING
        return None


@dataclass(frozen=True)
class BlockContext:
    """What an attention kind may know of the block that it is in.

    ``layout`` orders the tokens that enter; a class token stands before them. `channels` are those that leave, which
    need not be those that enter, and `heads` divides them. `pool` is how the block pools, none where it does not.
    """

    channels: int
    heads: int
    layout: UnitLayout
    pool: Pooling | None
    class_token: bool = False

    def pooled(self, builder: GraphBuilder, name: str, x: Value, heads: int = 1) -> Value:
        """The tokens as the block pools them: not at all where it does not pool, and never the class token."""
        return self.pooled_by(self.pool, builder, name, x, heads)

    def pooled_by(self, pool: Pooling | None, builder: GraphBuilder, name: str, x: Value, heads: int = 1) -> Value:
        """Tokens that enter the block, pooled in some way of an attention's own; the class token is only normalised."""
        if pool is None:
            return x
        misfit = pool.misfit(self.layout)
        if misfit is not None:
            builder.refuse(name, *misfit, at="pool" if pool is self.pool else "attention")
        if self.class_token:
            token = builder.add(f"{name}_token", SliceTokens(0, 1), x)
            grid = builder.add(f"{name}_grid", SliceTokens(1, x.shape[1]), x)
            pooled = pool.lower(builder, name, grid, self.layout, heads)
            x = builder.add(f"{name}_joined", JoinTokens(), token, pooled)
        else:
            x = pool.lower(builder, name, x, self.layout, heads)
        return pool.normalised(builder, name, x, heads)

    @property
    def pooled_layout(self) -> UnitLayout:
        """The layout of the tokens that leave the block."""
        return self.layout if self.pool is None else self.pool.pooled(self.layout)


class Attention(Kind, ABC):
    """How the tokens of a block attend."""

    by_position: ClassVar[tuple[str, ...]] = ()
    """The options that, where they are set, let the blocks of a stage attend by their positions: see ``at``.

    A kind with an ``at`` of its own must name them: blocks of a stage are costed once where none of them is set."""

    @property
    def mask_units(self) -> bool | None:
        """True where it needs a model with mask units, false where it needs one without; none, as most, takes either.

        Without mask units, one unit holds the whole grid. A rule refuses the other model.
        """
        return None

    @property
    def takes_class_token(self) -> bool:
        """Whether there is a place for a class token before the tokens of the grid; a rule refuses it elsewhere.

        A model with a class token has one unit, and its token is the first of that unit.
        """
        return True

    @property
    def masks(self) -> bool:
        """Whether it can attend where only some mask units are kept, as in masked pretraining; most can."""
        return True

    @property
    def alike(self) -> bool:
        """Whether it is the same at every position of a stage."""
        return not any(getattr(self, option) for option in self.by_position)

    def at(self, position: int) -> Attention:
        """How the block at a position of its stage attends, counted from 0; most kinds attend alike everywhere.

        What it gives has the same options but for those of ``by_position``.
        """
        return self

    @abstractmethod
    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        """Write the attention of a block from its normalised input, projections included.

        From ``(units, tokens, channels)`` to as many units, the tokens of ``block.pooled_layout`` (and the class token
        before them), and ``block.channels``. Where the block pools, ``block.pooled`` pools the queries. The residual
        is not its concern.
        """


class Position(Kind, ABC):
    """How tokens know where they are."""

    class_token_has_one: ClassVar[bool] = True
    """Whether a class token gets a learned vector of its own, as all places do."""

    @property
    def frames(self) -> bool | None:
        """True where it needs a clip, false where it needs an image; none, as most, takes either.

        A rule refuses the other input.
        """
        return None

    @abstractmethod
    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        """Add position to a grid of tokens in raster order, ``(*grid, channels)``, time first in a clip."""


class Normalization(Kind, ABC):
    """How a token's channels are normalised."""

    @abstractmethod
    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        """Normalise the channels, the last axis, of every token."""


class Activation(Kind, ABC):
    """The activation function between the two layers of a block's MLP."""

    @abstractmethod
    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        """Apply the function to every element; the shape stays."""


class Neck(Kind, ABC):
    """How the maps of the stages become a pyramid of maps, as detectors want them."""

    def reads(self, stages: int) -> tuple[int, ...]:
        """The stages whose maps it reads, of so many: their indices in ascending order; by default all."""
        return tuple(range(stages))

    @abstractmethod
    def lower(self, builder: GraphBuilder, maps: Sequence[Value]) -> list[Value]:
        """The maps of the pyramid, finest first, of those of the stages that it reads; all ``(*grid, channels)``."""
