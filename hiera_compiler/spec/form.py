"""Source to spec: pydantic checks the form, and what it finds is said in our own words, at its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hiera_compiler.diagnostics import Diagnostic, Label, SpecError, code, did_you_mean
from hiera_compiler.source import Source
from hiera_compiler.spec.fields import describe, keys_at
from hiera_compiler.spec.model import Spec

Path = tuple[str | int, ...]


def parse(source: Source) -> Spec:
    """The spec that a source holds; raises SpecError with every problem of form."""
    try:
        return Spec.model_validate(source.data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=True)
    raise SpecError([_diagnostic(problem, source) for problem in problems])


def _diagnostic(error: ErrorDetails, source: Source) -> Diagnostic:
    kind = error["type"]
    path = _document_path(error["loc"], source.data)
    for kinds, explain in _EXPLAINED.items():
        if kind in kinds:
            return explain(error, path, source)
    return wrong_type(error, path, source)


def _document_path(loc: Path, data: Any) -> Path:
    """The error's place as the document has it: pydantic's has the names of union members in it too."""
    path: list[str | int] = []
    for position, part in enumerate(loc):
        if isinstance(data, dict) and part in data or isinstance(data, list) and isinstance(part, int):
            path.append(part)
            data = data[part]
        elif position == len(loc) - 1 and isinstance(data, dict):
            path.append(part)
    return tuple(path)


@code("H101")
def unknown_key(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A key that the language does not have at this place.

    Every key means something, so a misspelt one is refused rather than ignored. `hiera schema` prints
    all keys and what they hold; editors that read the schema complete them.
    """
    key = str(path[-1])
    known = keys_at(error["loc"][:-1])
    suggestion = did_you_mean(key, known)
    return Diagnostic(
        "H101",
        f"there is no key {key!r} {_where(path[:-1])}",
        (Label(source.key(path), "not a key of the language"),),
        help=f"did you mean {suggestion!r}?" if suggestion else f"the keys here are {', '.join(known)}",
    )


@code("H102")
def missing_key(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A key without a default is missing.

    What makes an architecture is always written out: depth, channels, heads and attention of each stage,
    the patch, the position embedding and the mask unit. Other keys have defaults, which `hiera show` prints.
    """
    parent, key = (path, "kind") if error["type"] == "union_tag_not_found" else (path[:-1], str(path[-1]))
    description = describe((*error["loc"][:-1], key))
    return Diagnostic(
        "H102",
        f"the key {key!r} is missing {_where(parent)}",
        (Label(source.value(parent), f"has no {key}"),),
        help=f"add {key}: {description}" if description else f"add {key}: ...",
    )


@code("H103")
def wrong_type(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A value of another type than the key holds.

    Nothing is converted silently: `depth: "2"` and `depth: 2.0` are refused, `depth: 2` is meant.
    """
    wanted = _WANTED.get(error["type"], "something else")
    name = path[-1] if path else "the spec"
    return Diagnostic(
        "H103",
        f"{_name(name)} needs {wanted}, got {_shown(error['input'])}",
        (Label(source.value(path), "of another type"),),
        help=describe(error["loc"]),
    )


@code("H104")
def out_of_range(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A number outside of what the key can hold. The limits are far beyond any published model."""
    context: Mapping[str, Any] = error.get("ctx", {})
    bounds = {
        "ge": "at least {}",
        "gt": "more than {}",
        "le": "at most {}",
        "lt": "less than {}",
    }
    wanted = " and ".join(text.format(context[key]) for key, text in bounds.items() if key in context)
    return Diagnostic(
        "H104",
        f"{_name(path[-1])} is {_shown(error['input'])} and must be {wanted or 'smaller'}",
        (Label(source.value(path), f"must be {wanted or 'smaller'}"),),
        help=describe(error["loc"]),
    )


@code("H105")
def wrong_length(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A list with too few or too many items."""
    context: Mapping[str, Any] = error.get("ctx", {})
    wanted = f"at least {context['min_length']}" if "min_length" in context else f"at most {context['max_length']}"
    return Diagnostic(
        "H105",
        f"{_name(path[-1])} has {context.get('actual_length', 0)} items and must have {wanted}",
        (Label(source.value(path), f"must have {wanted}"),),
        help=describe(error["loc"]),
    )


@code("H106")
def unknown_choice(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A word that is not among the choices of its key.

    Kinds are found in the folders below `hiera_compiler/kinds`, and in packages that declare the entry
    point group `hiera_compiler.kinds`.
    """
    context: Mapping[str, Any] = error.get("ctx", {})
    expected = str(context.get("expected_tags") or context.get("expected", ""))
    choices = [word.strip("' ") for word in expected.replace(" or ", ",").split(",")]
    value = error["input"]
    place = path
    if isinstance(value, dict):
        value = value.get("kind")
        place = (*path, "kind")
    suggestion = did_you_mean(str(value), choices)
    return Diagnostic(
        "H106",
        f"there is no {_name(path[-1])} {_shown(value)}",
        (Label(source.value(place), "not among the choices"),),
        help=f"did you mean {suggestion!r}?" if suggestion else f"the choices are {', '.join(choices)}",
    )


@code("H107")
def unlawful_name(error: ErrorDetails, path: Path, source: Source) -> Diagnostic:
    """A name that could not be the name of a file and of a class.

    It becomes both. So it starts with a letter and goes on with up to 99 letters, digits and any of _ . -
    """
    return Diagnostic(
        "H107",
        f"{_shown(error['input'])} cannot be the name of a model",
        (Label(source.value(path), "becomes a file and a class"),),
        help="start with a letter; go on with up to 99 letters, digits and any of _ . -",
    )


_Explain = Callable[[ErrorDetails, Path, Source], Diagnostic]

_EXPLAINED: dict[tuple[str, ...], _Explain] = {
    ("extra_forbidden",): unknown_key,
    ("missing", "union_tag_not_found"): missing_key,
    ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "int_parsing_size"): out_of_range,
    ("too_short", "too_long"): wrong_length,
    ("union_tag_invalid", "literal_error"): unknown_choice,
    ("string_pattern_mismatch",): unlawful_name,
}

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "finite_number": "a finite number",
}


def _where(path: Path) -> str:
    if not path:
        return "at the top of a spec"
    if len(path) == 2 and path[0] == "stages" and isinstance(path[1], int):
        return f"in stage {path[1] + 1}"
    return f"in {'.'.join(map(str, path))}"


def _name(part: str | int) -> str:
    return f"item {part + 1}" if isinstance(part, int) else part


def _shown(value: object) -> str:
    """The value as its writer would recognise it, cut to a readable length."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list() | tuple():
            return f"a list of {len(value)}"
        case str():
            return f"the text {value!r}" if len(value) <= 40 else f"the text {value[:37]!r}..."
    text = str(value)
    return text if len(text) <= 24 else f"{text[:20]}... ({len(text)} digits)"
