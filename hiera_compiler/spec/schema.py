"""The JSON Schema of a spec file, for completion and checks in editors."""

from __future__ import annotations

from typing import Any

from hiera_compiler.spec.model import Spec

_REFERENCE = "#/$defs/"
_PART = "Part of "
_EXTENDS = {
    "type": "string",
    "description": "A bundled spec's name, or the path of a spec file, whose values hold where this file is silent.",
}


def json_schema() -> dict[str, Any]:
    """The schema of a spec file, draft 2020-12.

    A file that extends another may leave out any key at any depth, and may pick items of a list by number. So
    each form is in ``$defs`` twice: as it stands alone, and as ``Part of ...`` it.
    """
    spec = Spec.model_json_schema()
    forms = spec.pop("$defs") | {"Spec": spec}
    for form in forms.values():
        if "kind" in form["properties"]:
            form["required"] = ["kind", *form.get("required", ())]
    parts = {f"{_PART}{name}": _part(form) for name, form in forms.items()}
    parts[f"{_PART}Spec"]["properties"] = {"extends": _EXTENDS, **parts[f"{_PART}Spec"]["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Hiera spec",
        "type": "object",
        # Named here too, so that an editor offers it in an empty file.
        "properties": {"extends": _EXTENDS},
        "if": {"required": ["extends"]},
        "then": {"$ref": f"{_REFERENCE}{_PART}Spec"},
        "else": {"$ref": f"{_REFERENCE}Spec"},
        "$defs": _without_titles(forms | parts),
    }


def _part(schema: Any) -> Any:
    """The schema of what may be merged into a value of this schema."""
    if isinstance(schema, list):
        return [_part(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return schema | {"$ref": _REFERENCE + _PART + schema["$ref"].removeprefix(_REFERENCE)}
    if "$ref" in schema.get("items", {}):
        return _items(schema)
    part = {key: _part(value) for key, value in schema.items() if key not in ("required", "discriminator", "default")}
    if "oneOf" in part:
        # Without its kind, which the base has, a mapping may be part of several kinds.
        part["anyOf"] = part.pop("oneOf")
    return part


def _items(schema: dict[str, Any]) -> dict[str, Any]:
    """A list as a whole, or some of its items by their number."""
    picked = {
        "type": "object",
        "patternProperties": {"^[0-9]+$": _part(schema["items"])},
        "additionalProperties": False,
    }
    about: dict[str, Any] = {key: value for key, value in schema.items() if key in ("title", "description")}
    whole = {key: value for key, value in schema.items() if key not in about}
    return {"anyOf": [whole, picked], **about}


def _without_titles(schema: Any) -> Any:
    """The schema without pydantic's titles, which say each key once more."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # A key that is called title holds a schema, not a text.
    kept = {key: value for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    return {key: _without_titles(value) for key, value in kept.items()}
