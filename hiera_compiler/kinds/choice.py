"""Choices: fields that take one kind of a group."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from hiera_compiler.kinds.discovery import kinds_of
from hiera_compiler.kinds.form import Kind


class Choice:
    """A field that takes one kind of a group: a mapping with ``kind``, or the bare word for its defaults."""

    def __init__(self, group: str, *, optional: bool = False) -> None:
        self.group = group
        self.optional = optional

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        members = {name: handler.generate_schema(kind) for name, kind in kinds_of(self.group).items()}
        schema: CoreSchema = core_schema.tagged_union_schema(members, discriminator="kind")
        if self.optional:
            schema = core_schema.nullable_schema(schema)
        return core_schema.no_info_before_validator_function(self._expand_word, schema)

    def words(self) -> list[str]:
        """The names of the kinds that the field takes, and `none` where it may be empty."""
        return [*kinds_of(self.group), *self._none()]

    def _none(self) -> list[str]:
        return ["none"] if self.optional else []

    def _expand_word(self, value: object) -> object:
        if self.optional and value == "none":
            return None
        return {"kind": value} if isinstance(value, str) else value

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        bare = [name for name, kind in kinds_of(self.group).items() if not required_options(kind)]
        return {"anyOf": [{"enum": [*bare, *self._none()]}, handler(schema)]}


def required_options(kind: type[Kind]) -> list[str]:
    """The options of a kind that have no default."""
    return [name for name, field in kind.model_fields.items() if field.is_required() and name != "kind"]
