"""What figures were found with."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version


def versions() -> dict[str, str]:
    """The versions of this package, of Python and Optuna, and of torch where it was used."""
    found = {"python": platform.python_version(), "hiera": _installed("hiera-compiler"), "optuna": _installed("optuna")}
    return found | ({"torch": _installed("torch")} if "torch" in sys.modules else {})


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
