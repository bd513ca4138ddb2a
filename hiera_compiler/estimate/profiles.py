"""Profiles: what is known of the speed of one software stack, in one mode, on one device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import hypot
from pathlib import Path
from typing import Any, Literal

import yaml

from hiera_compiler.devices import Device, device, names
from hiera_compiler.diagnostics import Diagnostic
from hiera_compiler.estimate import calibration
from hiera_compiler.estimate.calibrated import CalibratedRegime, Calibration
from hiera_compiler.estimate.price import Constants
from hiera_compiler.estimate.regime import REGIMES, Regime

Tier = Literal["A", "B", "C"]
_FILE = Path(__file__).parent / "evidence" / "profiles.yaml"
OTHER_TORCH = 0.15
"""What another version of torch adds to a half-width: twice what public rows of one GPU moved, from 2.4 to 2.9."""


@dataclass(frozen=True, eq=False)
class Profile:
    """A device, a software regime, constants, and how far to trust them; never a device alone.

    Compared by identity, so that the times of blocks are cached by profile.

    `tier`: A, the stack was measured, with rows of this family; B, measured on other families only; C, never
    measured, the data sheet and constants of other devices. `spread` is the half-width of the 90 % interval of a
    time's logarithm, `ratio_spread` that of the ratio of two specs' times; `provenance` says what was fitted on what,
    and `kinds` names the kernels that the rows of the fit contain: the time of others is extrapolated. `warning` says
    what a user should know of it who has not asked.
    """

    device: Device
    regime: Regime
    constants: Constants
    tier: Tier
    spread: float
    ratio_spread: float
    provenance: str
    kinds: frozenset[str] = frozenset()
    warning: Diagnostic | None = None

    @property
    def name(self) -> str:
        return f"{self.device.name}/{self.regime.name}"


def profiles_for(device_name: str, autoencoder: bool = False) -> list[Profile]:
    """The profiles of a device, one for each regime known for it; its own calibrations come first.

    Not those of the released code for an autoencoder, for our graph of it is another one.
    The name is that of a calibration in the user's data directory, of a known device, or of a calibration's file.
    Raises SpecError for an unknown device, and for a file that holds no calibration.
    """
    known = _profiles_for(device_name)
    return [profile for profile in known if not (autoencoder and profile.regime.released_code)]


def _profiles_for(device_name: str) -> list[Profile]:
    if device_name.endswith(calibration.SUFFIX):
        return list(_calibrated(calibration.read(Path(device_name)), calibration.installed_torch()))
    installed = calibration.installed_torch()
    own = [one for kept in calibrations() if kept.name == device_name.lower() for one in _calibrated(kept, installed)]
    if not own:
        return shipped_profiles(device_name)
    # What ships is of the data sheet's device: it stays where the calibration is of the same one.
    regimes, target = {one.regime.name for one in own}, own[0].device
    return [*own, *(one for one in _profiles() if one.device == target and one.regime.name not in regimes)]


def shipped_profiles(device_name: str) -> list[Profile]:
    """The profiles that ship for a known device; raises SpecError for an unknown one."""
    found = device(device_name)
    return [profile for profile in _profiles() if profile.device == found]


def calibrations() -> list[Calibration]:
    """The calibrations in the user's data directory; files there that hold none are left out."""
    return calibration.kept()[0]


@lru_cache(maxsize=64)
def _calibrated(kept: Calibration, installed: str | None) -> tuple[Profile, ...]:
    """The profiles of a calibration, wider where another torch is installed; the same objects for the same file."""
    known = {regime.name: regime for regime in REGIMES}
    warning = calibration.outdated(kept, installed)
    widths = OTHER_TORCH if warning else 0.0
    return tuple(
        Profile(
            device=kept.device,
            regime=replace(known[one.regime], torch=calibration.release(kept.torch)),
            constants=one.price,
            tier=one.tier,
            spread=hypot(one.spread, widths),
            ratio_spread=hypot(one.ratio_spread, widths),
            provenance=_provenance(kept, one),
            kinds=one.kinds,
            warning=warning,
        )
        for one in kept.regimes
    )


def _provenance(kept: Calibration, one: CalibratedRegime) -> str:
    error = one.held_out_error
    models = len({anchor.model for anchor in one.anchors})
    held_out = f"; mean error on models left out {100 * error:.1f} %" if error is not None else ""
    bound = f"; not for batches that launching bounds, as {', '.join(one.host_bound)}" if one.host_bound else ""
    threads = "1 thread" if kept.threads == 1 else f"{kept.threads} threads"
    return (
        f"calibrated on {kept.date[:10]}: {kept.device.title}, torch {kept.torch}, {threads}, "
        f"{one.microbenchmarks} single kernels and {models} whole models{held_out}{bound}"
    )


def all_profiles() -> list[Profile]:
    """Every profile that ships."""
    return list(_profiles())


@cache
def _profiles() -> tuple[Profile, ...]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(_FILE.read_text(encoding="utf-8"), loader)
    fitted = {(entry["device"], entry["regime"]): entry for entry in document["fitted"]}
    result = []
    for name in names():
        known = device(name)
        for regime in REGIMES:
            entry = fitted.get((name, regime.name)) or document["unmeasured"].get(regime.name)
            if entry is not None and runs_on(regime, known):
                result.append(_profile(known, regime, entry))
    return tuple(result)


def runs_on(regime: Regime, device: Device) -> bool:
    """Half precision where the device has units for it, fp32 where it has none."""
    return device.has_tensor_cores == (regime.dtype != "fp32")


def _profile(device: Device, regime: Regime, entry: dict[str, Any]) -> Profile:
    return Profile(
        device=device,
        regime=regime,
        constants=Constants(**entry["constants"]),
        tier=entry["tier"],
        spread=entry["spread"],
        ratio_spread=entry["ratio_spread"],
        provenance=entry["provenance"],
        kinds=frozenset(entry.get("kinds", ())),
    )
