"""What a kind of each group must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from hiera_compiler.ir import UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.extent import Extent
from hiera_compiler.kinds.form import Kind


class Pooling(Kind, ABC):
    """How a stage's first block shrinks the token grid."""

    stride: Annotated[tuple[int, ...], Extent(time=1), Field(description="The factor along each axis.")] = (2,)

    @abstractmethod
    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        """Pool ``(units, tokens, channels)`` over the leading fold of each unit."""


@dataclass(frozen=True)
class BlockContext:
    """What an attention kind may know of the block that it is in."""

    channels: int
    heads: int
    layout: UnitLayout
    pool: Pooling | None


class Attention(Kind, ABC):
    """How the tokens of a block attend."""

    @abstractmethod
    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        """Write the attention of a block from its normalised input, projections included."""


class Position(Kind, ABC):
    """How tokens know where they are."""

    @abstractmethod
    def lower(self, builder: GraphBuilder, grid: Value) -> Value:
        """Add position to a grid of tokens in raster order."""


class Normalization(Kind, ABC):
    """How a token's channels are normalised."""

    @abstractmethod
    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        """Normalise the channels of every token."""


class Activation(Kind, ABC):
    """The activation function between the two layers of a block's MLP."""

    @abstractmethod
    def lower(self, builder: GraphBuilder, name: str, x: Value) -> Value:
        """Apply the function to every element."""
