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
    """The names of the bundled specs of published models, sorted; specs in folders are none of them."""
    return sorted(file.stem for file in spec_dir().glob("*.yaml"))


def folder(name: str) -> list[str]:
    """The names of the specs in a folder of the bundled specs, sorted, such as `ablation/a_absolute`."""
    return sorted(f"{name}/{file.stem}" for file in (spec_dir() / name).glob("*.yaml"))


def folders() -> list[str]:
    """The folders of bundled specs, sorted: variants of published models, such as `ablation` and `detection`."""
    found = {file.parent.name for file in spec_dir().glob("*/*.yaml")}
    return sorted(found - {_SPACES})


def folder_of(name: str) -> str | None:
    """The folder of bundled specs that a name is that of, or is in; none where it is in no such folder."""
    first = name.partition("/")[0]
    return first if not name.endswith((".yaml", ".yml")) and first in folders() else None


def spaces() -> list[str]:
    """The names of the bundled spaces, sorted."""
    return sorted(file.stem for file in (spec_dir() / _SPACES).glob("*.yaml"))


def path(name: str) -> Path | None:
    """The file of a bundled spec or space, or None when nothing of that name ships.

    A name is one word, or a folder and one word: no other path parts reach the file system.
    """
    if re.fullmatch(r"([a-z][a-z_]*/)?[A-Za-z0-9][A-Za-z0-9_-]*", name) is None or len(name) > 100:
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
