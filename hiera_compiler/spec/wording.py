"""How messages about the form of a spec name places and show values."""

from __future__ import annotations

import re

from hiera_compiler.diagnostics import quoted
from hiera_compiler.spec.fields import Path, describe

_SENTENCE_END = re.compile(r"\.\s+(?=[A-Z`])")


def about(path: Path) -> tuple[str, ...]:
    """A note with the first sentence of what the language says about the key at a place."""
    description = describe(path)
    word = next((part for part in reversed(path) if isinstance(part, str)), "")
    return (f"{word}: {_SENTENCE_END.split(description)[0].removesuffix('.')}",) if description else ()


def where(path: Path) -> str:
    """A place inside a message: ``in pool of stage 2``."""
    if not path:
        return "at the top of a spec"
    stage = f"stage {path[1] + 1}" if len(path) > 1 and path[0] == "stages" and isinstance(path[1], int) else ""
    rest = ".".join(map(str, path[2:] if stage else path))
    return f"in {' of '.join(part for part in (rest, stage) if part)}"


def place_name(path: Path) -> str:
    """What a value is called in a message: its key, or its number in its list."""
    if not path:
        return "the spec"
    last = path[-1]
    if not isinstance(last, int):
        return last
    return f"stage {last + 1}" if path[:-1] == ("stages",) else f"item {last + 1} of {path[-2]}"


def number_in(value: object, *, whole: bool) -> str:
    """The number that a text or a float means, as it would be written."""
    if isinstance(value, str):
        return value if re.fullmatch(r"\d{1,9}" if whole else r"\d{1,9}(\.\d{1,9})?", value) else ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e9 else ""


def type_of(value: object) -> str:
    """What a value is, for the label under it."""
    match value:
        case str():
            return "a text"
        case bool():
            return "a boolean"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case []:
            return "an empty list"
    return shown(value)


def shown(value: object) -> str:
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
            return f"the text {quoted(value, 40)}"
    text = str(value)
    return text if len(text) <= 24 else f"{text[:20]}... ({len(text)} digits)"
