"""What a stage makes of what flows into it: the steps between the states of candidates."""

from __future__ import annotations

from functools import partial

from hiera_compiler import checks
from hiera_compiler.lower import Block, Style, block_part, encoder_of, fused_stages, map_part, stage_blocks, stem_part
from hiera_compiler.pipeline import Task
from hiera_compiler.spec import Spec, Stage
from hiera_compiler.spec.grids import kept_units
from hiera_search.table.parts import Made, Parts, Place, Refused, Stream
from hiera_search.table.reading import ReadStage, source_of
from hiera_search.table.refusals import LAWFUL, Refusals
from hiera_search.table.states import REFUSED, Frame, Map, State, Step

_SOURCE = source_of(None)


class Transitions:
    """Works out steps; parts and rules are asked once for what they depend on."""

    def __init__(self, parts: Parts, refusals: Refusals, task: Task) -> None:
        self.parts, self.refusals, self.task = parts, refusals, task
        self._stages: dict[tuple[int, float, Stage], Stage] = {}

    def start(self, trunk: Spec | None, refusal: int) -> tuple[State, Frame | None, int]:
        """The state before the first stage, the frame of all stages, and what refuses the trunk."""
        if trunk is None:
            return REFUSED, None, refusal
        found = checks.check_axes(trunk, _SOURCE)
        if found:
            return REFUSED, None, self.refusals.rules(found)
        trunk = trunk.model_copy(update={"name": "x"}).resolved()
        if self.task == "mae":
            # The rules on pretraining are those of a spec that says how it pretrains.
            trunk = trunk.model_copy(update={"mae": trunk.pretraining})
        lowered = encoder_of(trunk) if self.task == "mae" else trunk
        frame = self._frame(trunk, lowered)
        found = checks.check_trunk(trunk, _SOURCE)
        if found or (self.task == "mae" and trunk.mask_unit is None):
            return REFUSED, frame, self.refusals.rules(found)
        kept = kept_units(trunk) if self.task == "mae" else None
        return State(frame, lowered, kept_units=kept), frame, LAWFUL

    def _frame(self, trunk: Spec, lowered: Spec) -> Frame:
        neck, head, count, unpooled = lowered.neck, lowered.head, len(trunk.stages), None
        if self.task == "mae":
            unpooled, reads = count - 1, fused_stages(trunk)
        elif neck is not None:
            reads = neck.reads(count)
        else:
            reads = tuple(range(count)) if head is None else ()
        spec = trunk.model_copy(update={"stages": ()})
        kinds = trunk.mask_unit is not None, trunk.class_token, trunk.mae is not None, unpooled
        return Frame(Style.of(lowered), trunk.mlp_ratio, trunk.axes, neck, reads, head, *kinds, spec)

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

    def step(self, state: State, index: int, read: ReadStage, deep: bool) -> Step:
        """What a lawful stage of one block, or of more, makes of a state."""
        if read.stage is None or state.frame is None:
            return Step(state)
        stage = self._resolved(state.frame, read.stage)
        if index == state.frame.unpooled:
            (stage,) = encoder_of(state.frame.spec.model_copy(update={"stages": (stage,)})).stages
        try:
            return self._lowered(state, state.frame, index, stage, deep)
        except Refused as refused:
            return Step(REFUSED, self.refusals.lowering(str(refused)))

    def _resolved(self, frame: Frame, stage: Stage) -> Stage:
        key = (frame.axes, frame.mlp_ratio, stage)
        if key not in self._stages:
            self._stages[key] = stage.resolved(frame.axes, frame.mlp_ratio)
        return self._stages[key]

    def _lowered(self, state: State, frame: Frame, index: int, stage: Stage, deep: bool) -> Step:
        stem = None if state.trunk is None else self._stem(state.trunk, stage.channels, state.kept_units)
        entry = state.stream if stem is None else stem.out
        assert entry is not None
        blocks = stage_blocks(stage, entry.flow.attention)
        before = index - 1
        # What ends a stage is made there where it is read twice.
        enters_open, held = stem is None and not _read_again(frame, before), _is_held(frame, before)
        made = [self._block(frame, blocks.at(0), entry, enters_open, held)]
        later = [blocks.at(position) for position in range(1, 1 + deep if blocks.alike else stage.depth)]
        numbers: dict[Block, Made] = {}
        for block in dict.fromkeys(later):
            numbers[block] = self._block(frame, block, made[0].out)
            # A block's residual sums keep the shape; only a primitive that promotes the dtype could break this, and
            # then a sum of equal blocks would be wrong figures without a word.
            if block.out_channels is None and numbers[block].out != made[0].out:
                raise RuntimeError(f"a block of {block.attention} changes what the next of its kind reads")
        made += [numbers[block] for block in later[-1:]]
        others = [numbers[block].number for block in later]
        out = made[-1].out
        shown = self._held(frame, index, out) if frame.unpooled is not None else self._map(frame, index, out)
        run = [
            self.parts.figures[number] for number in (made[0].number, *(one.number for one in numbers.values()), shown)
        ]
        return Step(
            _next(state, frame, index, stage, out),
            first=made[0].number,
            other=(others[0] if blocks.alike else self.parts.sum(others)) if others else 0,
            summed=int(not blocks.alike),
            map=shown if _read_again(frame, index) else 0,
            stem=0 if stem is None else stem.number,
            last=made[-1].number,
            peak=max(part.peak for part in run),
            widest=max(part.widest for part in run),
        )

    def _stem(self, trunk: Spec, channels: int, kept: int | None) -> Made:
        lower = partial(stem_part, trunk, channels, kept)
        return self.parts.get(("stem", trunk, channels, kept), lower, (), Place())

    def _block(self, frame: Frame, block: Block, entry: Stream, enters_open: bool = True, held: bool = False) -> Made:
        place = Place(enters_open, leaves_open=True, may_end=frame.head is None, held=held)
        lower = partial(block_part, frame.style, block, entry.flow, held)
        return self.parts.get((frame.style, block, entry, place), lower, (entry.dtype,), place, block.channels)

    def _map(self, frame: Frame, index: int, out: Stream) -> int:
        place = Place(run=_read_again(frame, index))
        return self.parts.get(("map", out, place), partial(map_part, out.flow), (out.dtype,), place).number

    def _held(self, frame: Frame, index: int, out: Stream) -> int:
        return self.parts.held(out) if _is_held(frame, index) else 0


def _read_again(frame: Frame, index: int) -> bool:
    """Whether a forward pass reads the end of a stage once more, for its map or a fusion. A head reads the last end."""
    return frame.head is None and index in frame.reads


def _is_held(frame: Frame, index: int) -> bool:
    """Whether the end of a stage is what a fusion reads, and no map that is made of it."""
    return frame.unpooled is not None and index in frame.reads


def _next(state: State, frame: Frame, index: int, stage: Stage, out: Stream) -> State:
    """What flows on after a stage that ends so."""
    maps, held = state.maps, state.held
    if frame.neck is not None:
        maps = (*maps, Map((*out.flow.layout.grid, out.flow.shape[-1]), out.dtype))
    if _is_held(frame, index):
        held = (*held, out)
    return State(frame, None, Stream(out.flow.leaving(stage), out.dtype), maps, None, held)
