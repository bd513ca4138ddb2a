"""A candidate's trunk and stages, each read by itself from the values that its choice gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hiera_compiler.diagnostics import Span, SpecError, Text
from hiera_compiler.kinds import Attention, kinds_of
from hiera_compiler.source import Located, Path, Source
from hiera_compiler.spec import Spec, Stage, parse
from hiera_search.space import ABSENT, Refused
from hiera_search.table.refusals import AFTER_STAGES, LAWFUL, STAGE_LIST, TRUNK, Refusals, stage_place

if TYPE_CHECKING:
    from hiera_search.space import Space

MOST_STAGES = 17
"""Stages that are looked at: one more than a spec may have, so that the form refuses it."""
_KEYS = frozenset(Stage.model_fields)
ALL_BUT_POOL = _KEYS - {"pool"}
ALL_BUT_DEPTH = _KEYS - {"depth"}
_BEFORE = list(Spec.model_fields)[: list(Spec.model_fields).index("stages")]

STAGE: Mapping[str, Any] = {"depth": 1, "channels": 1, "heads": 1, "attention": "global"}
"""A lawful stage, in the place of one that is looked at elsewhere."""
_SPEC: Mapping[str, Any] = {
    "name": "x",
    "input": {"size": 1},
    "patch": {"kernel": 1, "stride": 1},
    "position": "absolute",
    "mask_unit": 1,
}


@dataclass(frozen=True)
class ReadStage:
    """A stage, but for its depth where its blocks are alike: none where it is refused or lawfully not there."""

    stage: Stage | None
    refusal: int = LAWFUL


class Reader:
    """Reads the parts of a space's candidates; a choice gives the option of each hole by its position."""

    def __init__(self, space: Space, refusals: Refusals) -> None:
        self.space, self.refusals = space, refusals

    def trunk(self, choice: Sequence[int], stages: int) -> tuple[Spec | None, int]:
        """The spec with nothing in its stages but how they pool; without a spec, what refuses it."""
        try:
            data = self.space.value((), choice, without=("stages",))
            read = [self.space.value(("stages", index), choice, without=ALL_BUT_POOL) for index in range(stages)]
        except Refused as refused:
            return None, self.refusals.tie(refused.code, TRUNK)
        there = [stage for stage in read if stage is not ABSENT]
        pools = [{key: stage[key] for key in ("pool",) if key in stage} for stage in there if isinstance(stage, dict)]
        try:
            if len(pools) == len(there):
                return Spec.model_validate(data | {"stages": [{**STAGE, **pool} for pool in pools]}), LAWFUL
        except ValidationError:
            pass
        return None, self._form_of_trunk(data | {"stages": [dict(STAGE) for _ in there]})

    def _form_of_trunk(self, data: dict[str, Any]) -> int:
        """What refuses the form of a trunk; lawful where it is only that of the pools, which their stages say."""
        try:
            Spec.model_validate(data)
        except ValidationError as error:
            key = error.errors(include_url=False)[0]["loc"][0]
            place = STAGE_LIST if key == "stages" else TRUNK if key in _BEFORE else AFTER_STAGES
            return self.refusals.form(_code_of(data), place)
        return LAWFUL

    def depth(self, index: int, choice: Sequence[int]) -> tuple[int, int]:
        """The depth of a stage, 0 where it is not there, and what refuses it."""
        place = stage_place(index, depth=True)
        try:
            read = self.space.value(("stages", index), choice, without=ALL_BUT_DEPTH)
        except Refused as refused:
            return 0, self.refusals.tie(refused.code, place)
        if not isinstance(read, dict):
            return 0, LAWFUL
        depth = {key: read[key] for key in ("depth",) if key in read}
        found = self._stage({key: STAGE[key] for key in STAGE if key != "depth"} | depth, index, place)
        return (found.stage.depth if found.stage is not None else 0), found.refusal

    def stage(self, index: int, choice: Sequence[int]) -> ReadStage:
        """A stage with a depth of 1, or with its own where its blocks are not alike."""
        place, without = stage_place(index), self.without(index)
        try:
            read = self.space.value(("stages", index), choice, without=without)
        except Refused as refused:
            return ReadStage(None, self.refusals.tie(refused.code, place))
        if read is ABSENT:
            return ReadStage(None)
        return self._stage(read | dict.fromkeys(without, 1) if isinstance(read, dict) else read, index, place)

    def without(self, index: int) -> tuple[str, ...]:
        """The keys that a stage is read without: its depth, unless its blocks may differ by their positions."""
        stage = ("stages", index)
        kinds = [kind for kind in kinds_of("attention").values() if issubclass(kind, Attention)]
        differs = any(self.space.has(stage, key) for key in ("global_at", "out_channels"))
        differs = differs or any(self._may_set(stage, kind, option) for kind in kinds for option in kind.by_position)
        return () if differs else ("depth",)

    def _may_set(self, stage: Path, kind: type[Attention], option: str) -> bool:
        """Whether an attention of the stage may have an option set: by a word, or by default without one."""
        field = kind.model_fields.get(option)
        return field is None or bool(field.default) or self.space.has((*stage, "attention"), option)

    def _stage(self, data: Any, index: int, place: int) -> ReadStage:
        try:
            return ReadStage(Stage.model_validate(data))
        except ValidationError:
            whole = {**_SPEC, "stages": [*([dict(STAGE)] * min(index, MOST_STAGES - 2)), data]}
            return ReadStage(None, self.refusals.form(_code_of(whole), place))


def source_of(data: Any) -> Source:
    """Data that no file holds; rules and forms point at nothing in it."""
    return Source(data, {(): Located(None, Span(Text("", ""), 1, 1, 1, 1))})


def _code_of(data: Any) -> str:
    """The code of the first problem of form."""
    try:
        parse(source_of(data))
    except SpecError as error:
        return error.diagnostics[0].code
    raise AssertionError("there is a problem of form in these data")
