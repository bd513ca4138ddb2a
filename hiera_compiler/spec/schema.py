"""The JSON Schema of a spec, for completion and checks in editors."""

from __future__ import annotations

from typing import Any

from hiera_compiler.spec.model import Spec


def json_schema() -> dict[str, Any]:
    """The schema of a spec file. Nothing is required where the file extends another spec."""
    schema = Spec.model_json_schema()
    required = schema.pop("required")
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "A bundled spec's name, or the path of a spec file, whose values hold where this file is silent.",
    }
    schema["if"] = {"not": {"required": ["extends"]}}
    schema["then"] = {"required": required}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
