"""What a load did, key by key."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hiera_compiler.diagnostics.cells import printable

_LISTED = 6
_GROUPS = 20
_LONGEST = 80
_BLOCK = re.compile(r"^blocks\.[0-9]+\.")


@dataclass(frozen=True)
class Resized:
    """A position table that was interpolated, and its grid before and after: ``(h, w)``, ``(t, h, w)`` or one axis."""

    name: str
    before: tuple[int, ...]
    after: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {'×'.join(map(str, self.before))} to {'×'.join(map(str, self.after))}"


@dataclass(frozen=True)
class LoadReport:
    """What a checkpoint gave a module; ``str()`` is one line for each kind of key.

    ``layout`` names the key layout, ``loaded`` counts the module's weights that the file gave. ``missing`` are
    weights of norm and head that the file lacks, ``skipped`` those of a head for another number of classes:
    both keep their initial values, and are named as in the module. ``unexpected`` are the file's own keys
    that the module has no place for, such as a pretraining decoder's.
    """

    layout: str
    loaded: int
    missing: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    resized: tuple[Resized, ...] = ()

    def lines(self) -> list[str]:
        """The report as sentences: first what was loaded, then what was not; long lists are folded."""
        return [printable(line) for line in self._lines()]

    def _lines(self) -> Iterator[str]:
        yield f"loaded {self.loaded} weights from the key layout of {self.layout}"
        if self.resized:
            yield f"resized: {', '.join(_of_blocks(self.resized))}"
        if self.missing:
            yield f"missing, kept at initial values: {_folded(self.missing)}"
        if self.skipped:
            yield f"for another number of classes, kept at initial values: {_folded(self.skipped)}"
        if self.unexpected:
            yield f"unexpected, not used: {_folded(self.unexpected)}"

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _of_blocks(changes: tuple[Resized, ...]) -> Iterator[str]:
    """The changes, those of many blocks that are alike in one."""
    counts = Counter(replace(change, name=_BLOCK.sub("", change.name)) for change in changes)
    for change in changes:
        alike = replace(change, name=_BLOCK.sub("", change.name))
        count = counts.pop(alike, 0)
        if count > 1:
            yield f"{alike} in {count} blocks"
        elif count:
            yield str(change)


def _folded(keys: tuple[str, ...]) -> str:
    """All keys, or where they are many their first words with counts; long ones are cut."""
    if len(keys) <= _LISTED:
        return ", ".join(key[:_LONGEST] for key in keys)
    counts = Counter(key.partition(".")[0] for key in keys)
    groups = [group[:_LONGEST] if count == 1 else f"{group[:_LONGEST]}.* ({count})" for group, count in counts.items()]
    rest = [f"and {len(groups) - _GROUPS} more"] if len(groups) > _GROUPS else []
    return ", ".join([*groups[:_GROUPS], *rest])
