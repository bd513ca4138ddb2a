"""Optuna's samplers by the names that the search knows them by."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from hiera_compiler.diagnostics import Diagnostic, SpecError, code, did_you_mean, quoted

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

SAMPLERS = ("tpe", "nsga2", "gp", "random")


def sampler_named(name: str, seed: int) -> BaseSampler:
    """A sampler that gives the same for the same seed. Raises SpecError for an unknown one, and a missing extra."""
    from optuna import samplers

    if name == "gp" and find_spec("scipy") is None:
        raise SpecError(scipy_missing())
    if name == "tpe":
        return samplers.TPESampler(seed=seed)
    elif name == "nsga2":
        return samplers.NSGAIISampler(seed=seed)
    elif name == "gp":
        return samplers.GPSampler(seed=seed)
    elif name == "random":
        return samplers.RandomSampler(seed=seed)
    raise SpecError(unknown_sampler(name))


@code("H676")
def unknown_sampler(name: str) -> Diagnostic:
    """There is no such sampler.

    `tpe` models where good candidates lie and needs the fewest trials, `gp` is a Gaussian process for at most some
    hundred trials, `nsga2` is evolution, and `random` is what the others have to beat.
    """
    near = did_you_mean(name, SAMPLERS)
    help = f"did you mean {quoted(near)}?" if near else f"use one of {', '.join(SAMPLERS)}"
    return Diagnostic("H676", f"no sampler is named {quoted(name)}", (), help)


@code("H677")
def scipy_missing() -> Diagnostic:
    """The sampler `gp` needs scipy, which is an extra."""
    help = "pip install 'hiera-compiler[samplers]', or use --sampler tpe"
    return Diagnostic("H677", "the sampler 'gp' needs scipy, which is not installed", (), help)
