"""What a stage makes of what flows into it: the states between the stages of candidates, and the steps between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from hiera_compiler import checks
from hiera_compiler.kinds import Neck
from hiera_compiler.lower import Block, Style, block_part, head_part, map_part, neck_part, stage_blocks, stem_part
from hiera_compiler.spec import Head, Spec, Stage
from hiera_search.table.parts import Made, Parts, Place, Stream, Unfit
from hiera_search.table.reading import ReadStage, source_of
from hiera_search.table.refusals import LAWFUL, Refusals

if TYPE_CHECKING:
    from hiera_compiler.estimate.tensor import DType
    from hiera_compiler.ir import Shape

_SOURCE = source_of(None)


@dataclass(frozen=True)
class Frame:
    """What holds for all stages of a candidate; `spec` is one of the specs that say so, without its stages.

    Of that spec the rules on stages may read only what else is here, for frames that differ elsewhere are one.
    `reads` are the stages whose maps a neck reads.
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
    spec: Spec = field(compare=False, hash=False, repr=False)


@dataclass(frozen=True)
class Map:
    """The map of a stage, and its dtype where a profile says one."""

    shape: Shape
    dtype: DType | None


@dataclass(frozen=True)
class State:
    """Between two stages: before the first one the trunk that is still to be lowered, then what flows.

    With neither, something refused the candidate, and nothing is lowered any more. Where there is a neck, `maps` are
    those of the stages so far.
    """

    frame: Frame | None = None
    trunk: Spec | None = None
    stream: Stream | None = None
    maps: tuple[Map, ...] = ()


REFUSED = State()


class Step(NamedTuple):
    """What one stage adds, by numbers of parts: its first block, each later one, its map, the stem before it.

    Where blocks differ by their positions, all later ones are one part, `summed` as 1. The map is there where it is an
    output. `last` is the block that ends the stage, `peak` the most elements of a batch alive in it above what is kept,
    `widest` the most elements of a sample around one primitive.
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


class _Refused(Exception):  # noqa: N818 - not an error: refuses a candidate
    """A part that cannot be lowered; its code."""


class Transitions:
    """Works out steps; parts and rules are asked once for what they depend on."""

    def __init__(self, parts: Parts, refusals: Refusals) -> None:
        self.parts, self.refusals = parts, refusals
        self._stages: dict[tuple[int, float, Stage], Stage] = {}

    def start(self, trunk: Spec | None, refusal: int) -> tuple[State, Frame | None, int]:
        """The state before the first stage, the frame of all stages, and what refuses the trunk."""
        if trunk is None:
            return REFUSED, None, refusal
        found = checks.check_axes(trunk, _SOURCE)
        if found:
            return REFUSED, None, self.refusals.rules(found)
        trunk = trunk.model_copy(update={"name": "x"}).resolved()
        spec = trunk.model_copy(update={"stages": ()})
        neck, count = trunk.neck, len(trunk.stages)
        reads = () if neck is None else neck.reads(count)
        kinds = trunk.mask_unit is not None, trunk.class_token, trunk.mae is not None
        frame = Frame(Style.of(trunk), trunk.mlp_ratio, trunk.axes, neck, reads, trunk.head, *kinds, spec)
        found = checks.check_trunk(trunk, _SOURCE)
        return (REFUSED if found else State(frame, trunk)), frame, self.refusals.rules(found)

    def rule(self, frame: Frame | None, index: int, read: ReadStage) -> int:
        """What refuses a stage before anything is lowered; without a frame only its form is looked at."""
        if read.stage is None or frame is None:
            return read.refusal
        found = checks.check_axes(frame.spec.model_copy(update={"stages": (read.stage,)}), _SOURCE)
        if not found:
            stage = self._resolved(frame, read.stage)
            alone = frame.spec.model_copy(update={"stages": (stage,)})
            found = checks.check_stage(stage, index, _SOURCE) + checks.check_masking(alone, _SOURCE)
        return self.refusals.rules(found)

    def step(self, state: State, read: ReadStage, deep: bool) -> Step:
        """What a lawful stage of one block, or of more, makes of a state."""
        if read.stage is None or state.frame is None:
            return Step(state)
        try:
            return self._lowered(state, state.frame, self._resolved(state.frame, read.stage), deep)
        except _Refused as refused:
            return Step(REFUSED, self.refusals.lowering(str(refused)))

    def end(self, state: State) -> tuple[int, int]:
        """The number of what comes after the last stage, neck and head, and what refuses it."""
        frame, stream = state.frame, state.stream
        if frame is None or stream is None:
            return 0, LAWFUL
        try:
            neck = 0 if frame.neck is None else self._neck(frame, frame.neck, state.maps, stream)
            if frame.head is None:
                return neck, LAWFUL
            head = self._head(frame, frame.head, stream)
        except _Refused as refused:
            return 0, self.refusals.lowering(str(refused))
        return (self.parts.with_weights(head, neck) if neck else head), LAWFUL

    def _neck(self, frame: Frame, neck: Neck, maps: Sequence[Map], stream: Stream) -> int:
        read = tuple(maps[index] for index in frame.reads)
        place = Place(run=frame.head is None, enters_kept=True)
        lower = partial(neck_part, neck, [one.shape for one in read], stream.flow)
        return _there(self.parts.get((neck, read, place), lower, tuple(one.dtype for one in read), place)).number

    def _head(self, frame: Frame, head: Head, stream: Stream) -> int:
        key, lower = (frame.style, head, stream), partial(head_part, frame.style, head, stream.flow)
        return _there(self.parts.get(key, lower, (stream.dtype,), Place(enters_open=True))).number

    def _resolved(self, frame: Frame, stage: Stage) -> Stage:
        key = (frame.axes, frame.mlp_ratio, stage)
        if key not in self._stages:
            self._stages[key] = stage.resolved(frame.axes, frame.mlp_ratio)
        return self._stages[key]

    def _lowered(self, state: State, frame: Frame, stage: Stage, deep: bool) -> Step:
        stem = None if state.trunk is None else self._stem(state.trunk, stage.channels)
        entry = state.stream if stem is None else stem.out
        assert entry is not None
        blocks = stage_blocks(stage, entry.flow.attention)
        index = len(state.maps)
        # Where the map of a stage is made, what ends the stage is read twice, and so it is made there.
        enters_open = stem is None and not _maps(frame, index - 1)
        made = [self._block(frame, blocks.at(0), entry, enters_open=enters_open)]
        later = [blocks.at(position) for position in range(1, 1 + deep if blocks.alike else stage.depth)]
        numbers: dict[Block, Made] = {}
        for block in dict.fromkeys(later):
            numbers[block] = self._block(frame, block, made[0].out, enters_open=True)
            # A block's residual sums keep the shape; only a primitive that promotes the dtype could break this, and
            # then a sum of equal blocks would be wrong figures without a word.
            if block.out_channels is None and numbers[block].out != made[0].out:
                raise RuntimeError(f"a block of {block.attention} changes what the next of its kind reads")
        made += [numbers[block] for block in later[-1:]]
        others = [numbers[block].number for block in later]
        out = made[-1].out
        is_made = _maps(frame, index)
        place = Place(run=is_made)
        shown = _there(self.parts.get(("map", out, place), partial(map_part, out.flow), (out.dtype,), place))
        run = [self.parts.figures[part.number] for part in (made[0], *numbers.values(), shown)]
        return Step(
            State(frame, None, Stream(out.flow.leaving(stage), out.dtype), _with_map(state, frame, out)),
            first=made[0].number,
            other=(others[0] if blocks.alike else self.parts.sum(others)) if others else 0,
            summed=int(not blocks.alike),
            map=shown.number if is_made else 0,
            stem=0 if stem is None else stem.number,
            last=made[-1].number,
            peak=max(part.peak for part in (run if is_made else run[:-1])),
            widest=max(part.widest for part in run),
        )

    def _stem(self, trunk: Spec, channels: int) -> Made:
        return _there(self.parts.get(("stem", trunk, channels), partial(stem_part, trunk, channels), (), Place()))

    def _block(self, frame: Frame, block: Block, entry: Stream, enters_open: bool) -> Made:
        place = Place(enters_open, leaves_open=True, may_end=frame.head is None)
        lower = partial(block_part, frame.style, block, entry.flow)
        return _there(self.parts.get((frame.style, block, entry, place), lower, (entry.dtype,), place, block.channels))


def _maps(frame: Frame, index: int) -> bool:
    """Whether a forward pass makes the map of a stage: where a neck reads it, or without one where there is no head."""
    return frame.head is None and (frame.neck is None or index in frame.reads)


def _with_map(state: State, frame: Frame, out: Stream) -> tuple[Map, ...]:
    """The maps of the stages so far, where a neck may read them."""
    shape = (*out.flow.layout.grid, out.flow.shape[-1])
    return () if frame.neck is None else (*state.maps, Map(shape, out.dtype))


def _there(made: Made | Unfit) -> Made:
    if isinstance(made, Unfit):
        raise _Refused(made.code)
    return made
