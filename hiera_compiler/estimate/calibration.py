"""Calibration files: what `hiera calibrate` found out about one machine, and where such files are kept."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ValidationError

from hiera_compiler.diagnostics import Diagnostic, Label, Span, SpecError, Text, code, quoted
from hiera_compiler.estimate.calibrated import FORMAT, NAME, Calibration

SUFFIX = ".json"
LARGEST = 1 << 20
"""Bytes of a file; ours have a hundredth of it."""


def require_name(name: str | None) -> None:
    """Raises SpecError for a name that no file and no option could carry."""
    if name is not None and re.fullmatch(NAME, name) is None:
        raise SpecError(_no_name(name))


def folder() -> Path:
    """Where calibrations are kept: `profiles` in the user's data directory."""
    from platformdirs import user_data_dir

    return Path(user_data_dir("hiera", appauthor=False)) / "profiles"


def read(path: Path) -> Calibration:
    """The calibration in a file. Raises SpecError where it cannot be read, is cut short, or is something else."""
    try:
        if path.stat().st_size > LARGEST:
            raise SpecError(_foreign(path, f"it has {path.stat().st_size} bytes, more than any calibration"))
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(_foreign(path, (error.strerror or "it cannot be read").lower())) from None
    except UnicodeDecodeError:
        raise SpecError(_foreign(path, "it is not text")) from None
    try:
        data = json.loads(content)
    except RecursionError:
        raise SpecError(_foreign(path, "it is nested too deeply")) from None
    except ValueError:
        cut = content.lstrip()[:1] in ("{", "") and not content.rstrip().endswith("}")
        raise SpecError(_foreign(path, "it is cut short" if cut else "it is not JSON")) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise SpecError(_foreign(path, f"its format is not {quoted(FORMAT)}"))
    try:
        return Calibration.model_validate_json(content)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the whole"
        raise SpecError(_foreign(path, f"it has no usable value at {quoted(place)}")) from None


def kept() -> tuple[list[Calibration], list[Diagnostic]]:
    """The calibrations in the user's data directory in the order of their names, and warnings on files left out."""
    found, warnings = [], []
    try:
        paths = sorted(path for path in folder().iterdir() if path.suffix == SUFFIX and not path.name.startswith("."))
    except OSError:
        return [], []
    for path in paths:
        try:
            stat = path.stat()
            found.append(_read(path, stat.st_mtime_ns, stat.st_size))
        except (SpecError, OSError) as error:
            reason = error.diagnostics[0].message if isinstance(error, SpecError) else str(error.strerror).lower()
            warnings.append(_left_out(path, reason))
    return found, warnings


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: int) -> Calibration:
    """The same object while a file stays as it is: times are cached by profile."""
    return read(path)


def installed_torch() -> str | None:
    """The version of the installed torch without its build, or none; does not import it."""
    try:
        return release(version("torch"))
    except PackageNotFoundError:
        return None


def release(torch: str) -> str:
    """A version without its build: `2.13.0` for `2.13.0+cpu`."""
    return torch.partition("+")[0]


def outdated(calibration: Calibration, installed: str | None) -> Diagnostic | None:
    """A warning where another torch is installed than the one that was calibrated; none where there is no torch."""
    if installed is None or installed == release(calibration.torch):
        return None
    return _other_torch(calibration, installed)


def _whole(path: Path) -> tuple[Label, ...]:
    return (Label(Span(Text(str(path), ""), 1, 1, 1, 1)),)


@code("H530")
def _foreign(path: Path, reason: str) -> Diagnostic:
    """A file that holds no calibration.

    `hiera calibrate` writes calibrations, and writes them whole or not at all; a file that was cut short while it was
    copied, that another program or version wrote, or that was changed by hand so that a value is missing or out of
    range, cannot be predicted from.
    """
    help = "name a file that `hiera calibrate --out FILE` wrote, or calibrate again"
    return Diagnostic("H530", f"{quoted(path, longest=300)} holds no calibration: {reason}", _whole(path), help)


@code("H531")
def _left_out(path: Path, reason: str) -> Diagnostic:
    """A file among the user's calibrations that holds none, and is left out.

    Everything else works as if the file were not there.
    """
    help = f"remove it, or run `hiera calibrate` again; calibrations are kept in {folder()}"
    return Diagnostic("H531", f"left out: {reason}", _whole(path), help, severity="warning")


@code("H532")
def _other_torch(calibration: Calibration, installed: str) -> Diagnostic:
    """A calibration of another version of torch than the installed one.

    Kernels change from version to version. The predictions are given with wider intervals; calibrate again for
    intervals that were measured.
    """
    measured = release(calibration.torch)
    message = f"the calibration {quoted(calibration.name)} is of torch {measured}, and {installed} is installed"
    help = "intervals are widened; run `hiera calibrate` again for measured ones"
    return Diagnostic("H532", message, (), help, severity="warning")


@code("H533")
def _no_name(name: str) -> Diagnostic:
    """A name that a calibration cannot have.

    It becomes the name of a file and the argument of `--device`: up to 64 lower-case letters, digits and hyphens.
    """
    message = f"a calibration cannot be called {quoted(name)}"
    return Diagnostic("H533", message, help="use lower-case letters, digits and hyphens, as in my-workstation")
