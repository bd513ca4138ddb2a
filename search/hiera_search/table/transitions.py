"""What a stage makes of what flows into it: the states between the stages of candidates, and the steps between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from hiera_compiler import checks
from hiera_compiler.lower import Block, Style, block_part, head_part, map_part, stage_blocks, stem_part
from hiera_compiler.spec import Head, Spec, Stage
from hiera_search.table.parts import Made, Parts, Place, Stream, Unfit
from hiera_search.table.reading import ReadStage, source_of
from hiera_search.table.refusals import LAWFUL, Refusals

_SOURCE = source_of(None)


@dataclass(frozen=True)
class Frame:
    """What holds for all stages of a candidate; `spec` is one of the specs that say so, without its stages."""

    style: Style
    mlp_ratio: float
    axes: int
    head: Head | None
    has_units: bool
    spec: Spec = field(compare=False, hash=False, repr=False)


@dataclass(frozen=True)
class State:
    """Between two stages: before the first one the trunk that is still to be lowered, then what flows.

    With neither, something refused the candidate, and nothing is lowered any more.
    """

    frame: Frame | None = None
    trunk: Spec | None = None
    stream: Stream | None = None


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
        frame = Frame(Style.of(trunk), trunk.mlp_ratio, trunk.axes, trunk.head, trunk.mask_unit is not None, spec)
        found = checks.check_trunk(trunk, _SOURCE)
        return (REFUSED if found else State(frame, trunk)), frame, self.refusals.rules(found)

    def rule(self, frame: Frame | None, index: int, read: ReadStage) -> int:
        """What refuses a stage before anything is lowered; without a frame only its form is looked at."""
        if read.stage is None or frame is None:
            return read.refusal
        found = checks.check_axes(frame.spec.model_copy(update={"stages": (read.stage,)}), _SOURCE)
        found = found or checks.check_stage(self._resolved(frame, read.stage), index, _SOURCE)
        return self.refusals.rules(found)

    def step(self, state: State, read: ReadStage, deep: bool) -> Step:
        """What a lawful stage of one block, or of more, makes of a state."""
        if read.stage is None or state.frame is None:
            return Step(state)
        try:
            return self._lowered(state, state.frame, self._resolved(state.frame, read.stage), deep)
        except _Refused as refused:
            return Step(REFUSED, self.refusals.lowering(str(refused)))

    def head(self, state: State) -> int:
        """The number of the head after the last stage."""
        if state.frame is None or state.stream is None or state.frame.head is None:
            return 0
        frame, head, stream = state.frame, state.frame.head, state.stream
        key = (frame.style, head, stream)
        made = self.parts.get(key, partial(head_part, frame.style, head, stream.flow), stream, Place(ends=True))
        return 0 if isinstance(made, Unfit) else made.number

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
        made = [self._block(frame, blocks.at(0), entry, follows_stem=stem is not None)]
        later = [blocks.at(position) for position in range(1, 1 + deep if blocks.alike else stage.depth)]
        numbers: dict[Block, Made] = {}
        for block in dict.fromkeys(later):
            numbers[block] = self._block(frame, block, made[0].out, follows_stem=False)
            # A block's residual sums keep the shape; only a primitive that promotes the dtype could break this, and
            # then a sum of equal blocks would be wrong figures without a word.
            if block.out_channels is None and numbers[block].out != made[0].out:
                raise RuntimeError(f"a block of {block.attention} changes what the next of its kind reads")
        made += [numbers[block] for block in later[-1:]]
        others = [numbers[block].number for block in later]
        out = made[-1].out
        shown = _there(self.parts.get(("map", out), partial(map_part, out.flow), out, Place(run=False)))
        headless = frame.head is None
        run = [self.parts.figures[part.number] for part in (made[0], *numbers.values(), shown)]
        return Step(
            State(frame, None, Stream(out.flow.leaving(stage), out.dtype)),
            first=made[0].number,
            other=(others[0] if blocks.alike else self.parts.sum(others)) if others else 0,
            summed=int(not blocks.alike),
            map=shown.number if headless else 0,
            stem=0 if stem is None else stem.number,
            last=made[-1].number,
            peak=max(part.peak for part in (run if headless else run[:-1])),
            widest=max(part.widest for part in run),
        )

    def _stem(self, trunk: Spec, channels: int) -> Made:
        return _there(self.parts.get(("stem", trunk, channels), partial(stem_part, trunk, channels), None, Place()))

    def _block(self, frame: Frame, block: Block, entry: Stream, follows_stem: bool) -> Made:
        place = Place(follows_stem=follows_stem, may_end=frame.head is None)
        lower = partial(block_part, frame.style, block, entry.flow)
        return _there(self.parts.get((frame.style, block, entry, place), lower, entry, place, block.channels))


def _there(made: Made | Unfit) -> Made:
    if isinstance(made, Unfit):
        raise _Refused(made.code)
    return made
