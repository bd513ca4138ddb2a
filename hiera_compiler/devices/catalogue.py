"""Reading the entries, and what is said when there is none."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from hiera_compiler.devices.model import Device
from hiera_compiler.diagnostics import Diagnostic, SpecError, any_of, code, did_you_mean, quoted

_FILE = Path(__file__).parent / "devices.yaml"


@cache
def catalogue() -> dict[str, Device]:
    """Every known device by its name, in the order of the file."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries = yaml.load(_FILE.read_text(encoding="utf-8"), loader)
    return {name: Device(name=name, **entry) for name, entry in entries.items()}


def names() -> list[str]:
    """The names of the known devices."""
    return list(catalogue())


def device(name: str) -> Device:
    """The device of that name, in any case; raises SpecError where there is none."""
    known = catalogue()
    found = known.get(name.lower())
    if found is None:
        raise SpecError(_unknown_device(name))
    return found


@code("H501")
def _unknown_device(name: str) -> Diagnostic:
    """A device that nothing is known about.

    Times are predicted from a device's data sheet, and there is an entry for some devices only; their names are
    the argument of `--device`. A device of another name can be measured where it is at hand.
    """
    written = name.lower()
    alike = [known for known in catalogue() if name and (known.startswith(written) or _is_of(known, written))]
    near = any_of(alike) if alike else did_you_mean(name, catalogue())
    known = ", ".join(catalogue())
    advice = f"did you mean {near}? " if near else ""
    if written.partition(":")[0] == "cuda":
        advice = "measure on it with --measure, or predict for a device by its name; "
    return Diagnostic("H501", f"there is no device {quoted(name)}", help=f"{advice}known devices: {known}")


def _is_of(known: str, written: str) -> bool:
    """Whether what was written goes on from a known chip, as `h100-pcie` does from `h100-sxm`."""
    chip = known.partition("-")[0]
    return chip[-1].isdigit() and written.startswith(chip)
