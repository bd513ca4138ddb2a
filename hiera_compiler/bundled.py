"""The specs that ship with the package."""

import re
from functools import cache
from pathlib import Path


@cache
def spec_dir() -> Path:
    """The folder of the bundled specs: inside the installed package, or `specs/` of a checkout."""
    # importlib.resources would take longer to import than a spec takes to read.
    package = Path(__file__).parent
    installed = package / "specs"
    return installed if installed.is_dir() else package.parent / "specs"


def names() -> list[str]:
    """The names of the bundled specs, sorted."""
    return sorted(file.stem for file in spec_dir().glob("*.yaml"))


def path(name: str) -> Path | None:
    """The file of a bundled spec, or None when no such spec ships.

    A name is one word: nothing with path parts reaches the file system.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name) is None or len(name) > 100:
        return None
    file = spec_dir() / f"{name}.yaml"
    return file if file.is_file() else None


def summary(name: str) -> str:
    """What a bundled spec says of itself: the first sentence of its comment, without the full stop."""
    with (spec_dir() / f"{name}.yaml").open(encoding="utf-8") as file:
        comments = (line.removeprefix("#").strip() for line in file if line.startswith("#"))
        first = next((line for line in comments if not line.startswith("yaml-language-server")), "")
    return re.split(r"[.:] ", first, maxsplit=1)[0].removesuffix(".")
