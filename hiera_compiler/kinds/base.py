"""The form that every part of a spec shares, and the two field types of our own: choices and extents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

FormT = TypeVar("FormT", bound=BaseModel)

MAX_SIDE = 65_536
"""The largest number that an extent may hold; far above any input, far below trouble."""


class Form(BaseModel):
    """A part of a spec: immutable, without unknown keys, and without silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Kind(Form):
    """One choice of a group, named by its ``kind``."""

    kind: str


class Extent:
    """One number per axis. A single number stands for height and width; ``time`` is what a clip's time axis gets.

    Without ``time`` the extent is one of space only, in a clip too.
    """

    def __init__(self, *, time: int | None = 1, minimum: int = 1) -> None:
        self.time = time
        self.minimum = minimum

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
        numbers = core_schema.tuple_variable_schema(number, min_length=1, max_length=3, strict=False)
        return core_schema.no_info_before_validator_function(_as_list, numbers)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        numbers = handler(schema)
        return {"anyOf": [numbers["items"], numbers]}


def _as_list(value: object) -> object:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


class Choice:
    """A field that takes one kind of a group: a mapping with ``kind``, or the bare word for its defaults."""

    def __init__(self, group: str, *, optional: bool = False) -> None:
        self.group = group
        self.optional = optional

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from hiera_compiler.kinds.discovery import kinds_of

        members = {name: handler.generate_schema(kind) for name, kind in kinds_of(self.group).items()}
        schema: CoreSchema = core_schema.tagged_union_schema(members, discriminator="kind")
        if self.optional:
            schema = core_schema.nullable_schema(schema)
        return core_schema.no_info_before_validator_function(self._expand_word, schema)

    def words(self) -> list[str]:
        """The names of the kinds that the field takes, and `none` where it may be empty."""
        from hiera_compiler.kinds.discovery import kinds_of

        return [*kinds_of(self.group), *self._none()]

    def _none(self) -> list[str]:
        return ["none"] if self.optional else []

    def _expand_word(self, value: object) -> object:
        if self.optional and value == "none":
            return None
        return {"kind": value} if isinstance(value, str) else value

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        from hiera_compiler.kinds.discovery import kinds_of

        bare = [name for name, kind in kinds_of(self.group).items() if not required_options(kind)]
        return {"anyOf": [{"enum": [*bare, *self._none()]}, handler(schema)]}


def required_options(kind: type[Kind]) -> list[str]:
    """The options of a kind that have no default."""
    return [name for name, field in kind.model_fields.items() if field.is_required() and name != "kind"]


Path = tuple[str | int, ...]


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


Count = Annotated[int, Field(ge=1, le=MAX_SIDE)]
"""A number of things: at least one, and small enough to be meant."""

Rate = Annotated[float, Field(ge=0, lt=1), AfterValidator(abs)]  # abs: -0.0 is 0.0, in the hash too
"""A probability that is less than certain."""
