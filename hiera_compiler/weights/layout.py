"""How a code base names the weights of a model of the family."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Rules = tuple[tuple[str, str], ...]
"""Patterns with their replacements, applied one after the other."""


@dataclass(frozen=True)
class Layout:
    """How one code base names the weights of a model of the family.

    Where ``class_row`` is true, the first row of the position table is that of the class token.
    ``anchor`` ends the key of the patch embedding's weight: what stands before it there is the prefix of the
    trunk's keys. ``mark`` is found in a key of this layout and of none below it, ``never`` in none of this layout.
    ``rules`` rename keys that have the prefix, once it is taken off; ``outside`` those that have not.
    ``stages`` gives stage and block where blocks are numbered within their stage, and ``merging`` the stage of a
    patch merging: the stage that it begins, or, where the first stage has one, the stage that it ends. Stages may
    leave out numbers; a merging of such a number begins the next one.
    """

    name: str
    anchor: str
    mark: str
    never: str | None = None
    rules: Rules = ()
    outside: Rules = ()
    stages: str | None = None
    merging: str | None = None
    class_row: bool = False

    def prefix(self, keys: Iterable[str]) -> str | None:
        """What stands before the trunk's keys; None where the keys are not of this layout."""
        keys = list(keys)
        anchors = [key for key in keys if key == self.anchor or key.endswith(f".{self.anchor}")]
        if not anchors or (self.never is not None and any(re.search(self.never, key) for key in keys)):
            return None
        prefix = min(anchors, key=len).removesuffix(self.anchor)
        trunk = (key for key in keys if key.startswith(prefix))
        return prefix if any(re.search(self.mark, key) for key in trunk) else None

    def renamed(self, keys: Iterable[str], prefix: str) -> dict[str, str]:
        """Our name of each key, by key; a key that no rule knows keeps its name."""
        names = {key: key.removeprefix(prefix) if key.startswith(prefix) else None for key in keys}
        trunk = [name for name in names.values() if name is not None]
        starts = self._block_starts(trunk)
        mergings = self._mergings(trunk, starts)
        return {
            key: _applied(self.outside, key) if name is None else self._name(name, starts, mergings)
            for key, name in names.items()
        }

    def _name(self, name: str, starts: Mapping[int, int], mergings: Mapping[int, int]) -> str:
        if self.stages is not None:
            name = re.sub(self.stages, lambda at: f"blocks.{starts[int(at[1])] + int(at[2])}.", name, count=1)
        if self.merging is not None and (at := re.search(self.merging, name)) and int(at[1]) in mergings:
            name = f"{name[: at.start()]}blocks.{mergings[int(at[1])]}.merge.{name[at.end() :]}"
        return _applied(self.rules, name)

    def _block_starts(self, names: Iterable[str]) -> dict[int, int]:
        """The index of the first block of every stage, for layouts that number blocks within their stage."""
        depths: dict[int, int] = defaultdict(int)
        for name in names:
            if self.stages is not None and (at := re.search(self.stages, name)):
                depths[int(at[1])] = max(depths[int(at[1])], int(at[2]) + 1)
        return {stage: sum(depths[before] for before in depths if before < stage) for stage in depths}

    def _mergings(self, names: Iterable[str], starts: Mapping[int, int]) -> dict[int, int]:
        """The block that each patch merging begins, by the stage that the key gives."""
        if self.merging is None:
            return {}
        stages = {int(at[1]) for name in names if (at := re.search(self.merging, name))}
        ends = int(0 in stages)
        later = {stage: [start for at, start in starts.items() if at >= stage + ends] for stage in stages}
        return {stage: min(found) for stage, found in later.items() if found}


def _applied(rules: Rules, name: str) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
