"""Finding kinds: every module of a group's folder, ours first, then those of other packages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint
from inspect import isabstract
from pkgutil import iter_modules
from typing import get_args

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.kinds import problems
from hiera_compiler.kinds.form import Kind
from hiera_compiler.kinds.packages import declared, installed_as

GROUPS = ("attention", "pool", "position", "norm", "activation", "neck")


@cache
def kinds_of(group: str) -> dict[str, type[Kind]]:
    """The kinds of a group by their name, in alphabetical order.

    Raises SpecError where the kinds of another package cannot be imported, one has a name that is taken, or a package
    declares what is no group of kinds.
    """
    found = {kind_name(kind): kind for kind in _kinds_in(f"hiera_compiler.kinds.{group}")}
    for entry in declared(GROUPS):
        if entry.name == group:
            for name, kind in _kinds_of_others(entry).items():
                if name in found:
                    raise SpecError(problems.name_taken(installed_as(entry), group, name, found[name].__module__))
                found[name] = kind
    return dict(sorted(found.items()))


def kind_name(kind: type[Kind]) -> str:
    """The word that chooses this kind, from its ``kind: Literal[...]`` field."""
    field = kind.model_fields.get("kind")
    names = get_args(field.annotation) if field is not None else ()
    if len(names) != 1:
        raise TypeError(f"{kind.__qualname__} needs a field with its name, as in kind: Literal['mine'] = 'mine'")
    return str(names[0])


def _kinds_of_others(entry: EntryPoint) -> dict[str, type[Kind]]:
    try:
        return {kind_name(kind): kind for kind in _kinds_in(entry.value)}
    except Exception as error:
        raise SpecError(problems.not_imported(installed_as(entry), entry.name, entry.value, error)) from error


def _kinds_in(package: str) -> Iterator[type[Kind]]:
    folder = getattr(import_module(package), "__path__", None)
    if folder is None:
        raise ImportError(f"{package} is a single file, and kinds are found in the files of a package")
    for module_info in iter_modules(folder, prefix=f"{package}."):
        module = import_module(module_info.name)
        for value in vars(module).values():
            is_own = isinstance(value, type) and value.__module__ == module.__name__
            if is_own and issubclass(value, Kind) and not isabstract(value):
                yield value
