"""The specs and spaces that ship with the package."""

import re
from functools import cache
from pathlib import Path

_SPACES = "spaces"


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


def spaces() -> list[str]:
    """The names of the bundled spaces, sorted."""
    return sorted(file.stem for file in (spec_dir() / _SPACES).glob("*.yaml"))


def path(name: str) -> Path | None:
    """The file of a bundled spec or space, or None when nothing of that name ships.

    A name is one word: nothing with path parts reaches the file system.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name) is None or len(name) > 100:
        return None
    files = (spec_dir() / f"{name}.yaml", spec_dir() / _SPACES / f"{name}.yaml")
    return next((file for file in files if file.is_file()), None)


def summary(name: str) -> str:
    """What a bundled spec or space says of itself: the first sentence of its comment, without the full stop."""
    found = path(name)
    assert found is not None, f"nothing of the name {name} ships"
    with found.open(encoding="utf-8") as file:
        comments = (line.removeprefix("#").strip() for line in file if line.startswith("#"))
        first = next((line for line in comments if not line.startswith("yaml-language-server")), "")
    return re.split(r"[.:] ", first, maxsplit=1)[0].removesuffix(".")
