"""Finding rungs: every file of the folders, then those of other packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from inspect import isabstract
from pathlib import Path
from pkgutil import iter_modules

from hiera_compiler.diagnostics import SpecError
from hiera_search.accuracy import problems
from hiera_search.accuracy.estimator import Estimator
from hiera_search.accuracy.rows import Rows, read_rows

_FOLDERS = ("hiera_search.accuracy.rungs", "hiera_search.accuracy.proxies")


def estimator(name: str | None = None, rows: Path | None = None) -> Estimator:
    """The estimator of a rung; by default `fitted` where there are rows, and `capacity` without.

    It may be of a lower rung, and its note says so, where the rows do not carry the one that was asked for. Raises
    SpecError for a name that no rung has, and for rows that are missing, not looked at, or cannot be used.
    """
    known = ladder()
    name = name or ("capacity" if rows is None else "fitted")
    if name not in known:
        raise SpecError(problems.no_rung(name, known))
    rung = known[name]
    if rows is None and rung.needs_rows:
        raise SpecError(problems.needs_rows(name))
    if rows is not None and not rung.takes_rows:
        raise SpecError(problems.takes_no_rows(name, [other for other, one in known.items() if one.takes_rows]))
    return rung.of(None if rows is None else read_rows(rows))


def estimators(names: Sequence[str], rows: Rows) -> list[Estimator]:
    """The estimators of these rungs, each of the rows where it needs any; without names, of all that can use them.

    Raises SpecError for a name that no rung has, and for rows that a rung named here cannot use.
    """
    known = ladder()
    unknown = [problems.no_rung(name, known) for name in names if name not in known]
    if unknown:
        raise SpecError(unknown)
    found = []
    for name in names or known:
        try:
            found.append(known[name].of(rows if known[name].needs_rows else None))
        except SpecError:
            if names:
                raise
    return found


@cache
def ladder() -> dict[str, type[Estimator]]:
    """The classes of the ladder by name: ours, then those of other packages.

    Raises SpecError where those of another package cannot be imported, or one has a name that is taken.
    """
    found = {rung.rung: rung for folder in _FOLDERS for rung in _rungs_in(folder)}
    for entry in entry_points(group="hiera_search.accuracy"):
        package = entry.dist.name if entry.dist is not None else entry.value
        try:
            for rung in _rungs_in(entry.value):
                if rung.rung in found:
                    raise ValueError(f"the name {rung.rung} is taken")
                found[rung.rung] = rung
        except Exception as error:
            raise SpecError(problems.not_imported(package, entry.value, error)) from error
    return found


def _rungs_in(package: str) -> Iterator[type[Estimator]]:
    folder = getattr(import_module(package), "__path__", None)
    if folder is None:
        raise ImportError(f"{package} is a single file, and estimators are found in the files of a package")
    for info in iter_modules(folder, prefix=f"{package}."):
        module = import_module(info.name)
        for value in vars(module).values():
            is_own = isinstance(value, type) and value.__module__ == module.__name__
            if is_own and issubclass(value, Estimator) and not isabstract(value):
                yield value
