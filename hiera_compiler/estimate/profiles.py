"""Profiles: what is known of the speed of one software stack, in one mode, on one device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from hiera_compiler.devices import Device, device, names
from hiera_compiler.estimate.price import Constants
from hiera_compiler.estimate.regime import REGIMES, Regime

Tier = Literal["A", "B", "C"]
_FILE = Path(__file__).parent / "evidence" / "profiles.yaml"


@dataclass(frozen=True, eq=False)
class Profile:
    """A device, a software regime, constants, and how far to trust them; never a device alone.

    Compared by identity, so that the times of blocks are cached by profile.

    `tier`: A, the stack was measured, with rows of this family; B, measured on other families only; C, never
    measured, the data sheet and constants of other devices. `spread` is the half-width of the 90 % interval of a
    time's logarithm, `ratio_spread` that of the ratio of two specs' times; `provenance` says what was fitted on what,
    and `kinds` names the kernels that the rows of the fit contain: the time of others is extrapolated.
    """

    device: Device
    regime: Regime
    constants: Constants
    tier: Tier
    spread: float
    ratio_spread: float
    provenance: str
    kinds: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.device.name}/{self.regime.name}"


def profiles_for(device_name: str) -> list[Profile]:
    """The profiles of a device, one for each regime known for it; raises SpecError for an unknown device."""
    found = device(device_name)
    return [profile for profile in _profiles() if profile.device == found]


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
