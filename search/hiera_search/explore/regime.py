"""The device, and what software runs there, that a search predicts for."""

from __future__ import annotations

from hiera_compiler.diagnostics import Diagnostic, SpecError, code, did_you_mean, quoted
from hiera_compiler.estimate.profiles import Profile, calibrations, profiles_for

DEVICE = "a100-40gb"
"""What a search predicts for where no CUDA device was calibrated."""
SHORT = {"compiled": ("compiled-half", "compiled-fp32"), "eager": ("eager-half", "eager-fp32")}
"""Words for a regime in the number format that is best on the device."""


def choose_profile(device: str | None = None, regime: str | None = None, autoencoder: bool = False) -> Profile:
    """The profile of a device in a regime: by default of the calibrated CUDA device, compiled, in half precision.

    Raises SpecError for a device or a regime that nothing is known about.
    """
    name = device or next((kept.name for kept in calibrations() if kept.device.has_tensor_cores), DEVICE)
    known = {profile.regime.name: profile for profile in profiles_for(name, autoencoder)}
    for wanted in SHORT.get(regime or "compiled", (regime or "",)):
        if wanted in known:
            return known[wanted]
    raise SpecError(no_such_regime(regime or "compiled", name, list(known)))


@code("H620")
def no_such_regime(regime: str, device: str, known: list[str]) -> Diagnostic:
    """A regime that nothing is known about on the device.

    A regime is what software runs the model, in which mode and number format: `compiled-half` is PyTorch's
    compiler with weights in half precision, `eager-amp` automatic mixed precision without the compiler. `hiera
    devices NAME` lists those of a device. `compiled` and `eager` alone take the number format that is best there.
    """
    near = did_you_mean(regime, known)
    advice = f"did you mean {near}? " if near else ""
    return Diagnostic(
        "H620",
        f"there is no regime {quoted(regime)} for {device}",
        help=f"{advice}known regimes: {', '.join(known)}",
    )
