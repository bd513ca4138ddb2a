"""What may stand at a place of a spec, in words: read off the JSON schema, so that messages and editors agree."""

from __future__ import annotations

from typing import Any

from hiera_compiler.diagnostics import any_of
from hiera_compiler.spec.fields import Path, field_at

Schema = dict[str, Any]


def expected(path: Path, *, limits: bool = True) -> str:
    """Values that would pass at a place, with their limits, or only of what type they are."""
    found = field_at(path)
    if found is None:
        return "a mapping"
    form, name = found
    whole = form.model_json_schema()
    schema: Schema = whole["properties"][name]
    if isinstance(path[-1], int):
        schema = next(option["items"] for option in _options(schema) if "items" in option)
    return _phrase(schema, whole.get("$defs", {}), limits)


def _options(schema: Schema) -> list[Schema]:
    options = [
        inner
        for option in schema.get("anyOf", [schema])
        for inner in ([option] if option is schema else _options(option))
    ]
    return [option for option in options if option.get("type") != "null"]


def _phrase(schema: Schema, forms: Schema, limits: bool) -> str:
    options = _options(schema)
    words = [str(word) for option in options for word in _words(option)]
    if any("discriminator" in option for option in options):
        return any_of(words) if limits else "a kind"
    lists = [option for option in options if "items" in option]
    if lists and len(options) > 1:
        one = _number(options[0], limits)
        return f"{one}, or a list of {_count(lists[0])} such numbers" if limits else f"{one} or a list of them"
    phrases = [_one(option, forms, limits) for option in options if not _words(option)]
    return any_of([*phrases, *words])


def _words(option: Schema) -> list[Any]:
    return list(option.get("enum", [option["const"]] if "const" in option else []))


def _one(option: Schema, forms: Schema, limits: bool) -> str:
    if "$ref" in option:
        form = forms[option["$ref"].rpartition("/")[2]]
        keys = form.get("required") or list(form["properties"])
        return f"a mapping such as {{{', '.join(f'{key}: ...' for key in keys)}}}" if limits else "a mapping"
    if "items" in option:
        return f"a list of {_count(option)} items" if limits else "a list"
    if option.get("type") in ("integer", "number"):
        return _number(option, limits)
    return "true or false" if option.get("type") == "boolean" else "text"


def _number(option: Schema, limits: bool) -> str:
    noun = "a whole number" if option["type"] == "integer" else "a number"
    bounds = {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "less than {}",
    }
    said = [text.format(shown_number(option[key])) for key, text in bounds.items() if key in option]
    if not limits or not said:
        return noun
    if "minimum" in option and "maximum" in option:
        return f"{noun} from {shown_number(option['minimum'])} to {shown_number(option['maximum'])}"
    return f"{noun} that is {' and '.join(said)}"


def shown_number(number: float) -> str:
    """A limit as one writes it: 64, not 64.0."""
    return str(int(number)) if float(number).is_integer() else str(number)


def _count(option: Schema) -> str:
    least, most = option.get("minItems", 0), option.get("maxItems")
    return f"{least} to {most}" if most is not None else f"at least {least}"
