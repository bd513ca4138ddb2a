"""Finding kinds: every module of a group's folder, ours first, then those of other packages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from inspect import isabstract
from pkgutil import iter_modules
from typing import get_args

from hiera_compiler.kinds.form import Kind

GROUPS = ("attention", "pool", "position", "norm", "activation")


@cache
def kinds_of(group: str) -> dict[str, type[Kind]]:
    """The kinds of a group by their name, in alphabetical order."""
    found: dict[str, type[Kind]] = {}
    for package in _packages(group):
        for kind in _kinds_in(package):
            name = kind_name(kind)
            if name in found:
                raise TypeError(f"{kind} and {found[name]} are both the {group} kind {name!r}")
            found[name] = kind
    return dict(sorted(found.items()))


def kind_name(kind: type[Kind]) -> str:
    """The word that chooses this kind, from its ``kind: Literal[...]`` field."""
    (name,) = get_args(kind.model_fields["kind"].annotation)
    return str(name)


def _packages(group: str) -> list[str]:
    others = [entry.value for entry in _declared() if entry.name == group]
    return [f"hiera_compiler.kinds.{group}", *others]


@cache
def _declared() -> EntryPoints:
    # Once for all groups: it reads the metadata of every installed package.
    return entry_points(group="hiera_compiler.kinds")


def _kinds_in(package: str) -> Iterator[type[Kind]]:
    folder = import_module(package).__path__
    for module_info in iter_modules(folder, prefix=f"{package}."):
        module = import_module(module_info.name)
        for value in vars(module).values():
            is_own = isinstance(value, type) and value.__module__ == module.__name__
            if is_own and issubclass(value, Kind) and not isabstract(value):
                yield value
