"""What the language says about a place in a spec: its keys, and each key's description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from hiera_compiler.kinds import Choice, Form, kinds_of
from hiera_compiler.spec.model import Spec

Path = tuple[str | int, ...]


def keys_at(path: Path) -> list[str]:
    """The keys of the form at a place; the path may hold the names of kinds, as pydantic's paths do."""
    return [name for form in _forms_at(path) for name in form.model_fields]


def describe(path: Path) -> str | None:
    """The description of the key at a place."""
    words = [part for part in path if isinstance(part, str)]
    for form in _forms_at(path[: path.index(words[-1])]) if words else ():
        field = form.model_fields.get(words[-1])
        if field is not None and field.description:
            return field.description
    return None


def _forms_at(path: Path) -> list[type[Form]]:
    """The forms that may stand at a place: several where a kind is still open."""
    forms: list[type[Form]] = [Spec]
    for part in path:
        if isinstance(part, int):
            continue
        tagged = [form for form in forms if part in _tags(form)]
        if tagged:
            forms = tagged
        elif any(part in form.model_fields for form in forms):
            fields = [form.model_fields[part] for form in forms if part in form.model_fields]
            forms = [inner for field in fields for inner in _forms_in(field)]
    return forms


def _tags(form: type[Form]) -> tuple[Any, ...]:
    field = form.model_fields.get("kind")
    return get_args(field.annotation) if field is not None else ()


def _forms_in(field: FieldInfo) -> Iterator[type[Form]]:
    choice = next((item for item in field.metadata if isinstance(item, Choice)), None)
    if choice is not None:
        yield from kinds_of(choice.group).values()
        return
    waiting = [field.annotation]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, Form):
            yield annotation
        else:
            waiting.extend(get_args(annotation))
