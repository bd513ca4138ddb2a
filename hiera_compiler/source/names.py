"""How users name files: paths, bundled names, and what comes close to a name that does not exist."""

import os
from itertools import islice
from pathlib import Path

from hiera_compiler.diagnostics import did_you_mean

SUFFIXES = (".yaml", ".yml")


def is_path(name: str) -> bool:
    """Whether a name is meant as a path: it has a separator or a YAML suffix."""
    return name.endswith(SUFFIXES) or "/" in name or os.sep in name


def exists(name: str) -> bool:
    """Whether there is anything at this path."""
    return os.path.exists(name)  # noqa: PTH110 - Path.exists raises for names that are too long


def shown(path: Path) -> str:
    """A path as a user reads it: relative where it lies below the current folder."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)


def near_file(name: str) -> str | None:
    """The YAML file with the closest name in the folder of `name`, written as the user writes it."""
    asked = Path(name)
    files = {Path(entry).stem: entry for entry in entries(asked.parent) if entry.endswith(SUFFIXES)}
    near = files.get(did_you_mean(asked.stem, files) or "")
    return str(asked.parent / near) if near else None


def entries(folder: Path) -> list[str]:
    """The names in a folder, at most 1000, and none of a folder that cannot be listed."""
    try:
        with os.scandir(folder) as found:
            return [entry.name for entry in islice(found, 1000)]
    except (OSError, ValueError):
        return []
