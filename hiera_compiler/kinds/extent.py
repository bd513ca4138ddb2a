"""Extents: numbers that a spec gives once per axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from hiera_compiler.kinds.form import MAX_SIDE

FormT = TypeVar("FormT", bound=BaseModel)
Path = tuple[str | int, ...]


class Extent:
    """One number per axis. A single number stands for height and width; ``time`` is what a clip's time axis gets.

    Without ``time`` the extent is one of space only, in a clip too. An ``optional`` one may be ``none``.
    """

    def __init__(self, *, time: int | None = 1, minimum: int = 1, optional: bool = False) -> None:
        self.time = time
        self.minimum = minimum
        self.optional = optional

    def expand(self, value: tuple[int, ...], axes: int) -> tuple[int, ...]:
        """The value with one number per axis; longer or shorter lists are left for a rule to refuse."""
        if len(value) != 1:
            return value
        spatial = value * 2
        return spatial if axes == 2 or self.time is None else (self.time, *spatial)

    def length(self, axes: int) -> int:
        """How many numbers the extent has in a model of so many axes."""
        return 2 if self.time is None else axes

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        number = core_schema.int_schema(ge=self.minimum, le=MAX_SIDE, strict=True)
        numbers: CoreSchema = core_schema.tuple_variable_schema(number, min_length=1, max_length=3, strict=False)
        if self.optional:
            numbers = core_schema.nullable_schema(numbers)
        return core_schema.no_info_before_validator_function(self._as_list, numbers)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        numbers = handler(schema)
        if not self.optional:
            return {"anyOf": [numbers["items"], numbers]}
        numbers, nothing = numbers["anyOf"]
        return {"anyOf": [numbers["items"], numbers, {"const": "none"}, nothing]}

    def _as_list(self, value: object) -> object:
        if self.optional and value == "none":
            return None
        return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def extents(form: BaseModel, path: Path = ()) -> Iterator[tuple[Path, Extent, tuple[int, ...]]]:
    """Every extent of a form and of the forms inside it: its path, its rule, its numbers."""
    for name, field in type(form).model_fields.items():
        value = getattr(form, name)
        if value is None:
            continue
        rule = next((item for item in field.metadata if isinstance(item, Extent)), None)
        if rule is not None:
            yield (*path, name), rule, value
        elif isinstance(value, BaseModel):
            yield from extents(value, (*path, name))
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, BaseModel):
                    yield from extents(item, (*path, name, index))


def expand_extents(form: FormT, axes: int) -> FormT:
    """The form with every extent written out, one number per axis."""
    update: dict[str, object] = {}
    for name, field in type(form).model_fields.items():
        value = getattr(form, name)
        extent = next((item for item in field.metadata if isinstance(item, Extent)), None)
        if extent is not None and value is not None:
            update[name] = extent.expand(value, axes)
        elif isinstance(value, BaseModel):
            update[name] = expand_extents(value, axes)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            update[name] = tuple(expand_extents(item, axes) for item in value)
    return form.model_copy(update=update)
