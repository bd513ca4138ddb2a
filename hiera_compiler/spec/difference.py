"""What two specs say differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hiera_compiler.kinds import Form, expand_extents
from hiera_compiler.spec.model import Spec


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
"""The value of a key that one of the specs does not have."""


@dataclass(frozen=True)
class Difference:
    """A place in two specs, and what each has there; ABSENT where it has no such place."""

    path: tuple[str | int, ...]
    left: Any
    right: Any


def differences(left: Spec, right: Spec) -> list[Difference]:
    """Where two specs differ once every default is written out, in the order of the language.

    Where their kinds differ, an option that only one of them has is left out at its default; and so are the options
    of a stage that the other has not.
    """
    left, right = left.resolved(), right.resolved()
    if left.mae or right.mae:
        left, right = (spec.model_copy(update={"mae": spec.pretraining}) for spec in (left, right))
    pair = [_plain(left), _plain(right)]
    for data in pair:
        del data["mlp_ratio"]  # only a default for the stages, and they say theirs by now
    return [
        found
        for found in _compare((), *pair)
        if not (found.left is ABSENT and _at_default(right, found.path))
        if not (found.right is ABSENT and _at_default(left, found.path))
    ]


def _at_default(spec: Spec, path: tuple[str | int, ...]) -> bool:
    """Whether a resolved spec has at a place what it would have there if it did not say so."""
    *before, name = path
    form: Any = spec
    for part in before:
        form = form[part] if isinstance(part, int) else getattr(form, part)
    if not isinstance(name, str) or name == "kind" or type(form).model_fields[name].is_required():
        return False
    alone = form.model_copy(update={name: type(form).model_fields[name].get_default()})
    return bool(getattr(expand_extents(alone, spec.axes), name) == getattr(form, name))


def _plain(value: Any) -> Any:
    """A form as plain data with every key, also those that are left out at their defaults."""
    if isinstance(value, Form):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _compare(path: tuple[str | int, ...], left: Any, right: Any) -> Iterator[Difference]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            yield from _compare((*path, key), left.get(key, ABSENT), right.get(key, ABSENT))
    elif _holds_forms(left) and _holds_forms(right):
        pair = (left, right), (right, left)
        for index in range(max(len(left), len(right))):
            items = (one[index] if index < len(one) else _lacking(other[index]) for one, other in pair)
            yield from _compare((*path, index), *items)
    elif left != right:
        yield Difference(path, left, right)


def _lacking(stage: dict[str, Any]) -> dict[str, Any]:
    """What a stage is compared with that the other spec has not: so each of its keys is a difference of its own."""
    return {key: {} if isinstance(value, dict) else ABSENT for key, value in stage.items()}


def _holds_forms(value: Any) -> bool:
    # A list of numbers is one value; the list of stages is compared stage by stage.
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)
