"""The JSON Schema of a space: that of a spec, with a hole allowed for every value."""

from __future__ import annotations

import json
from typing import Any

from hiera_compiler.source import HOLE_WORDS
from hiera_compiler.spec.schema import json_schema

Schema = dict[str, Any]

_DEFINITIONS = "#/$defs/"
_FIXED = ("name", "extends")
_ABOUT = ("description", "default")
_NAME = {"type": "string", "description": "A name of `let`."}
_OPERAND = {"anyOf": [{"type": "number"}, _NAME]}
_LET = {
    "type": "object",
    "description": "Names for values, which `{tie: NAME}` has anywhere; most are holes.",
    "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9_-]{0,99}$"},
    "additionalProperties": {"$ref": f"{_DEFINITIONS}Named"},
}


def space_schema() -> Schema:
    """The schema of a space file, draft 2020-12. A spec fits it too: it is a space of one point."""
    schema = json_schema()
    opened = _Opened()
    definitions = {name: opened.inside(form, name) for name, form in schema["$defs"].items()}
    for name in ("Spec", "Part of Spec"):
        definitions[name]["properties"]["let"] = _LET
    return schema | {
        "title": "Hiera space",
        "properties": schema["properties"] | {"let": _LET},
        "$defs": definitions | opened.definitions | _shared(),
    }


class _Opened:
    """Definitions of values that may be holes, as they are met; equal values share one."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}
        self._names: dict[str, str] = {}

    def inside(self, schema: Any, name: str) -> Any:
        """A schema in which every value below it may be a hole."""
        if isinstance(schema, list):
            return [self.inside(one, name) for one in schema]
        if not isinstance(schema, dict):
            return schema
        found: Schema = {}
        for key, value in schema.items():
            if key in ("properties", "patternProperties"):
                found[key] = {one: self.value(inner, one, f"{name}.{one}") for one, inner in value.items()}
            elif key == "items":
                found[key] = self.value(value, key, f"{name}.{key}")
            elif key in ("anyOf", "oneOf"):
                # A hole in place of a kind's name fits several kinds.
                found["anyOf"] = self.inside(value, name)
            elif key != "discriminator":
                found[key] = value
        return found

    def value(self, schema: Schema, key: str, name: str) -> Schema:
        """The schema of a value that may be a hole, whose options may be holes."""
        if key in _FIXED:
            return schema
        if key == "kind":
            # Its options are names of several kinds, and a form knows its own alone.
            return {"anyOf": [schema, *_holes({"$ref": f"{_DEFINITIONS}Named"})]}
        about = {word: schema[word] for word in _ABOUT if word in schema}
        bare = self.inside({word: value for word, value in schema.items() if word not in _ABOUT}, name)
        shared = self._names.setdefault(json.dumps(bare, sort_keys=True), f"{name} or hole")
        place = {"$ref": f"{_DEFINITIONS}{shared}"}
        self.definitions[shared] = {"anyOf": [bare, *_holes(place)]}
        return place | about


def _holes(option: Schema) -> list[Schema]:
    """What a hole may be whose options are of a schema."""
    listed = {"type": "array", "minItems": 1, "items": option}
    cases = {"type": "object", "minProperties": 1, "additionalProperties": option}
    return [
        _mapping(["choose"], choose=listed),
        {"$ref": f"{_DEFINITIONS}Range"},
        {"$ref": f"{_DEFINITIONS}Tie"},
        _mapping(["tie", "cases"], tie=_NAME, cases=cases),
    ]


def _mapping(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _shared() -> Schema:
    """The holes that are the same for every value, and what a name may stand for: any hole, or any other value."""
    bounds = {
        "type": "array",
        "description": "Lowest, highest and step; a step of 1 may be left out.",
        "minItems": 2,
        "maxItems": 3,
        "items": {"type": "number"},
    }
    return {
        "Range": _mapping(["range"], range=bounds),
        "Tie": _mapping(["tie"], tie=_NAME, times=_OPERAND, over=_OPERAND),
        "Named": {
            "if": {"type": "object", "anyOf": [{"required": [word]} for word in HOLE_WORDS]},
            "then": {"anyOf": _holes({"$ref": f"{_DEFINITIONS}Named"})},
        },
    }
