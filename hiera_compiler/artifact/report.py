"""What a build found out, as data."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hiera_compiler.diagnostics import Diagnostic
from hiera_compiler.estimate import Cost

KIND = "hiera artifact"
"""What a summary says it is, so that a build knows a folder that a build has written."""

LAYOUT = 1
"""Grows when the files of an artifact change their meaning."""


@dataclass(frozen=True)
class Check:
    """One comparison with the eager outputs: the largest difference, relative to the largest value."""

    what: str
    batch: int
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the outputs agree; a difference that is not a number does not."""
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class Regime:
    """Where and how the checks ran."""

    device: str
    dtype: str
    batch: int
    threads: int


@dataclass(frozen=True)
class Compiled:
    """The outcome of compiling: the seconds of the first run, or why there was none."""

    blocks: int
    distinct: int
    seconds: float | None = None
    why_not: str | None = None


@dataclass(frozen=True)
class Report:
    """What was built, what it costs, and how it was verified."""

    name: str
    task: str
    spec_hash: str
    weights: dict[str, Any] | None
    """What was loaded from a file; none for initial weights."""
    cost: Cost
    regime: Regime
    compiled: Compiled
    checks: tuple[Check, ...]
    versions: dict[str, str]
    files: dict[str, int] = field(default_factory=dict)
    """Each file of the folder with its bytes, but for the summary itself."""
    warnings: tuple[Diagnostic, ...] = ()

    def data(self) -> dict[str, Any]:
        """The report as plain data, as the summary and ``--json`` have it."""
        return {
            "artifact": KIND,
            "layout": LAYOUT,
            "name": self.name,
            "task": self.task,
            "spec_hash": self.spec_hash,
            "weights": self.weights,
            "cost": asdict(self.cost),
            "regime": asdict(self.regime),
            "compiled": {"done": self.compiled.seconds is not None, **asdict(self.compiled)},
            "checks": [asdict(check) for check in self.checks],
            "warnings": [{"code": warning.code, "message": warning.message} for warning in self.warnings],
            "versions": self.versions,
            "files": self.files,
        }


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {
        "hiera-compiler": _version("hiera-compiler"),
        "torch": _version("torch"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
