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


def field_at(path: Path) -> tuple[type[Form], str] | None:
    """The form and the name of the key at a place, or of the key whose list holds it."""
    words = [position for position, part in enumerate(path) if isinstance(part, str)]
    for form in _forms_at(path[: words[-1]]) if words else ():
        name = str(path[words[-1]])
        if name in form.model_fields:
            return form, name
    return None


def choice_at(path: Path) -> Choice | None:
    """The choice that the key at a place makes, if it takes a kind."""
    found = field_at(path)
    metadata = found[0].model_fields[found[1]].metadata if found else ()
    return next((item for item in metadata if isinstance(item, Choice)), None)


def other_kinds(path: Path, key: str) -> list[str]:
    """The kinds that have a key which the kind at a place has not; none where no kind is."""
    choice = choice_at(path[:-1]) if path and isinstance(path[-1], str) else None
    kinds = kinds_of(choice.group) if choice is not None else {}
    return [name for name, form in kinds.items() if key in form.model_fields and name != path[-1]]


def document_path(loc: Path, data: Any) -> Path:
    """The error's place as the document has it: pydantic's has the names of union members in it too."""
    path: list[str | int] = []
    before: Any = None
    for position, part in enumerate(loc):
        is_tag = (
            isinstance(data, dict)
            and data.get("kind") == part
            and before is not data
            and choice_at(loc[:position]) is not None  # elsewhere `kind` is a key like any other that there is not
        )
        before = data
        if is_tag:
            continue
        if (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int)):
            path.append(part)
            data = data[part]  # type: ignore[index]  # a list has numbers here
        elif position == len(loc) - 1 and isinstance(data, dict):
            path.append(part)
    return tuple(path)


def describe(path: Path) -> str | None:
    """The description of the key at a place."""
    found = field_at(path)
    return found[0].model_fields[found[1]].description if found else None


def homes(key: str) -> list[str]:
    """Where the language has a key: the keys that hold it, joined by dots."""
    found: list[str] = []
    waiting: list[tuple[str, type[Form]]] = [("", Spec)]
    while waiting:
        place, form = waiting.pop(0)
        if key in form.model_fields and place not in found:
            found.append(place)
        for name, field in form.model_fields.items():
            waiting.extend((f"{place}.{name}".lstrip("."), inner) for inner in forms_in(field))
    return found


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
            forms = [inner for field in fields for inner in forms_in(field)]
    return forms


def _tags(form: type[Form]) -> tuple[Any, ...]:
    field = form.model_fields.get("kind")
    return get_args(field.annotation) if field is not None else ()


def forms_in(field: FieldInfo) -> Iterator[type[Form]]:
    """The forms that a field may hold: several where it takes a kind."""
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
