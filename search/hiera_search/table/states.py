"""What flows between the stages of candidates, and what one stage makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hiera_compiler.kinds import Neck
from hiera_compiler.lower import Style
from hiera_compiler.spec import Head, Spec
from hiera_search.table.parts import Stream
from hiera_search.table.refusals import LAWFUL

if TYPE_CHECKING:
    from hiera_compiler.estimate.tensor import DType
    from hiera_compiler.ir import Shape


@dataclass(frozen=True)
class Frame:
    """What holds for all stages of a candidate; `spec` is one of the specs that say so, without its stages.

    Of that spec the rules on stages may read only what else is here, for frames that differ elsewhere are one.
    `reads` are the stages that are read once more after the last one: a neck's or a fusion's, or all whose maps are
    outputs. `unpooled` is the last stage of an autoencoder, none of a classifier.
    """

    style: Style
    mlp_ratio: float
    axes: int
    neck: Neck | None
    reads: tuple[int, ...]
    head: Head | None
    has_units: bool
    class_token: bool
    pretrains: bool
    unpooled: int | None
    spec: Spec = field(compare=False, hash=False, repr=False)


@dataclass(frozen=True)
class Map:
    """The map of a stage, and its dtype where a profile says one."""

    shape: Shape
    dtype: DType | None


@dataclass(frozen=True)
class State:
    """Between two stages: before the first one the trunk that is still to be lowered, then what flows.

    With neither, something refused the candidate, and nothing is lowered any more. Of an autoencoder's trunk so many
    mask units are kept. Where there is a neck, `maps` are those of the stages so far; `held` are the ends of stages
    that a fusion reads.
    """

    frame: Frame | None = None
    trunk: Spec | None = None
    stream: Stream | None = None
    maps: tuple[Map, ...] = ()
    kept_units: int | None = None
    held: tuple[Stream, ...] = ()


REFUSED = State()


class Step(NamedTuple):
    """What one stage adds, by numbers of parts: its first block, each later one, its map, the stem before it.

    Where blocks differ by their positions, all later ones are one part, `summed` as 1. The map is there where it is an
    output, and stands for the end of the stage where that is held. `last` is the block that ends the stage, `peak` the
    most elements of a batch alive in it above what is kept, `widest` the most elements of a sample around one
    primitive.
    """

    state: State
    refusal: int = LAWFUL
    first: int = 0
    other: int = 0
    summed: int = 0
    map: int = 0
    stem: int = 0
    last: int = 0
    peak: int = 0
    widest: int = 0


class Ending(NamedTuple):
    """What comes after the last stage, by the number of a part, what refuses it, and the latent that it leaves."""

    part: int = 0
    refusal: int = LAWFUL
    latent: Stream | None = None
