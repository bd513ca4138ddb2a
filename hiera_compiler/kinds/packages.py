"""Packages that add kinds: what they declare, and which one a problem comes from."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from traceback import walk_tb

from hiera_compiler.diagnostics import Diagnostic, SpecError
from hiera_compiler.kinds import problems

_PREFIX = "hiera_compiler"
ENTRY_POINTS = "hiera_compiler.kinds"
"""The entry point group of kinds; an entry's name is the group of its kinds, its value a package of them."""
CARRIED = "__carried__"
"""What an emitted module has by this name: the modules of other packages that its definitions are from, by name."""
_GROUPS = (ENTRY_POINTS, "hiera_compiler.formats")


@cache
def declared(groups: tuple[str, ...]) -> EntryPoints:
    """The entry points of kinds that other packages declare, each for one of these groups of kinds.

    Raises SpecError for a name that is no group, and for an entry point group of ours that we do not have.
    """
    # Once for all groups: it reads the metadata of every installed package.
    every = entry_points()
    strange = [group for group in every.groups if group.partition(".")[0] == _PREFIX and group not in _GROUPS]
    found = [
        problems.unknown_group(installed_as(entry), group, _GROUPS)
        for group in sorted(strange)
        for entry in every.select(group=group)
    ]
    kinds = every.select(group=ENTRY_POINTS)
    found += [problems.unknown_group(installed_as(one), one.name, groups) for one in kinds if one.name not in groups]
    if found:
        raise SpecError(found)
    return kinds


def installed_as(entry: EntryPoint) -> str:
    """The name by which the package of an entry point is installed."""
    return entry.dist.name if entry.dist is not None else entry.value


def package_of(module: str) -> str:
    """The name by which the package of a module is installed, where it adds kinds; else the name of the module."""
    return _packages().get(module.partition(".")[0], module)


def fault_of_others(error: BaseException) -> Diagnostic | None:
    """What is said of an error that code of a package which adds kinds raised, or led to; None where none did."""
    for frame, line in reversed(list(walk_tb(error.__traceback__))):
        function = frame.f_code.co_qualname
        carried_from = frame.f_globals.get(CARRIED, {}).get(function.partition(".")[0])
        module = carried_from or str(frame.f_globals.get("__name__", ""))
        if name := _packages().get(module.partition(".")[0]):
            return problems.failed(name, function, carried_from or f"{frame.f_code.co_filename}:{line}", error)
    return None


@cache
def _packages() -> dict[str, str]:
    """By the name that they are imported by, the names by which packages that add kinds are installed."""
    found = entry_points(group=ENTRY_POINTS)
    return {entry.value.partition(".")[0]: installed_as(entry) for entry in found}
