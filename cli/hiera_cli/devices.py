"""`hiera devices`: the devices that something is known about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from hiera_cli.options import AsJson
from hiera_cli.output import print_json

TIERS = (
    "Tier of a regime, that is of a software stack and a mode: A, measured with models of this family; B, measured\n"
    "with other models; C, never measured, from the data sheet. `hiera profile SPEC --device NAME` predicts for each;\n"
    "`hiera calibrate` measures the machine at hand."
)

if TYPE_CHECKING:
    from hiera_compiler.devices import Device


def devices(as_json: AsJson = False) -> None:
    """List the devices that speed is predicted for.

    Shows the rates of their data sheets, and how well the speed on them is known.
    """
    from hiera_cli.exits import show_problems
    from hiera_compiler.estimate.calibration import kept

    rows = _devices()
    show_problems(tuple(kept()[1]))
    if as_json:
        print_json({"devices": [row.model_dump() | {"regimes": _regimes(row)} for row in rows]})
        return
    from hiera_cli.columns import columns

    header = ["name", "device", "memory GB", "GB/s", "fp16 TFLOP/s", "fp32 TFLOP/s", "tier"]
    typer.echo(columns(header, list(map(_cells, rows)), right={2, 3, 4, 5}))
    typer.echo(f"\n{TIERS}")


def _devices() -> list[Device]:
    """The known devices, each as its calibration has it where there is one, then devices that only one has."""
    from hiera_compiler.devices import device, names
    from hiera_compiler.estimate.profiles import calibrations

    own = {one.name: one.device for one in calibrations()}
    return list(({name: device(name) for name in names()} | own).values())


def _regimes(device: Device) -> list[dict[str, Any]]:
    """The regimes that are known for a device, with their tiers."""
    from hiera_compiler.estimate.profiles import profiles_for

    return [
        {
            "regime": profile.regime.name,
            "dtype": profile.regime.dtype,
            "tier": profile.tier,
            "provenance": profile.provenance,
        }
        for profile in profiles_for(device.name)
    ]


def _cells(device: Device) -> list[str]:
    return [
        device.name,
        device.title,
        f"{device.memory_bytes / 1e9:.0f}",
        f"{device.bandwidth / 1e9:.0f}",
        f"{device.rate('fp16') / 1e12:.1f}",
        f"{device.rate('fp32') / 1e12:.1f}",
        _tiers(device),
    ]


def _tiers(device: Device) -> str:
    """How many regimes there are of each tier."""
    from collections import Counter

    found = Counter(regime["tier"] for regime in _regimes(device))
    return ", ".join(f"{tier} ×{count}" if count > 1 else tier for tier, count in sorted(found.items()))
