"""File names for candidates: whatever a candidate is called, its file stays in its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable

BEST = "best.yaml"
"""The file of the first candidate."""

_LONGEST = 95
# Windows opens a device in place of a file of such a name, whatever its suffix.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def file_names(candidates: Iterable[str]) -> list[str]:
    """A name for the spec file of each candidate: `best.yaml`, then the candidates' own.

    Only letters, digits, `_`, `-` and dots inside are kept. Names that would be the same, also on a disk that does
    not tell capitals apart, are numbered.
    """
    found: list[str] = []
    taken: set[str] = set()
    for position, name in enumerate(candidates):
        stem = _safe(name) if position else BEST.removesuffix(".yaml")
        file, number = f"{stem}.yaml", 2
        while file.lower() in taken:
            file, number = f"{stem}_{number}.yaml", number + 1
        taken.add(file.lower())
        found.append(file)
    return found


def _safe(name: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", name[: 2 * _LONGEST]).lstrip(".-")[:_LONGEST].rstrip(".") or "candidate"
    return f"_{stem}" if _DEVICES.match(stem) else stem
