"""What two specs say differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hiera_compiler.kinds import Form
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
    """Where two specs differ once every default is written out, in the order of the language."""
    pair = []
    for spec in (left, right):
        data = _plain(spec.resolved())
        del data["mlp_ratio"]  # only a default for the stages, and they say theirs by now
        pair.append(data)
    return list(_compare((), *pair))


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
        for index in range(max(len(left), len(right))):
            items = (side[index] if index < len(side) else ABSENT for side in (left, right))
            yield from _compare((*path, index), *items)
    elif left != right:
        yield Difference(path, left, right)


def _holds_forms(value: Any) -> bool:
    # A list of numbers is one value; the list of stages is compared stage by stage.
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)
