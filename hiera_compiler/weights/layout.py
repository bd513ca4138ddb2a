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
    patch merging: the stage that it begins, or, where the first stage has one, the stage that it ends.
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
        keys = list(keys)
        starts = self._block_starts(keys)
        mergings = self._mergings(keys, starts)
        return {key: self._name(key, prefix, starts, mergings) for key in keys}

    def _name(self, key: str, prefix: str, starts: Mapping[int, int], mergings: Mapping[int, int]) -> str:
        if not key.startswith(prefix):
            return _applied(self.outside, key)
        name = key.removeprefix(prefix)
        if self.stages is not None:
            name = re.sub(self.stages, lambda at: f"blocks.{starts[int(at[1])] + int(at[2])}.", name)
        if self.merging is not None and (at := re.search(self.merging, name)) and int(at[1]) in mergings:
            name = f"{name[: at.start()]}blocks.{mergings[int(at[1])]}.merge.{name[at.end() :]}"
        return _applied(self.rules, name)

    def _block_starts(self, keys: Iterable[str]) -> dict[int, int]:
        """The index of the first block of every stage, for layouts that number blocks within their stage."""
        depths: dict[int, int] = defaultdict(int)
        for key in keys:
            if self.stages is not None and (at := re.search(self.stages, key)):
                depths[int(at[1])] = max(depths[int(at[1])], int(at[2]) + 1)
        return {stage: sum(depths[before] for before in depths if before < stage) for stage in depths}

    def _mergings(self, keys: Iterable[str], starts: Mapping[int, int]) -> dict[int, int]:
        """The block that each patch merging begins, by the stage that the key gives."""
        if self.merging is None:
            return {}
        stages = {int(at[1]) for key in keys if (at := re.search(self.merging, key))}
        ends = int(0 in stages)
        return {stage: starts[stage + ends] for stage in stages if stage + ends in starts}


def _applied(rules: Rules, name: str) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
