"""Calibrations that nobody measured."""

from hiera_compiler.devices import Device, device
from hiera_compiler.estimate.calibrated import Calibration

VALUES = {
    "products": 0.8,
    "convolutions": 0.3,
    "attention": 0.4,
    "unaligned": 0.6,
    "memory": 0.7,
    "lanes": 0.5,
    "depthwise": 0.8,
    "launch": 4e-6,
}


def calibrated(
    name: str = "cpu", regime: str = "eager-fp32", scale: float = 1.0, target: Device | None = None
) -> Calibration:
    """A calibration with two models, which were predicted 5 % and 10 % too fast when they were left out."""
    known = target or device("cpu").model_copy(update={"title": "this machine"})
    constants = {key: {"value": value, "source": "fitted"} for key, value in (VALUES | {"scale": scale}).items()}
    anchors = [
        {"model": "hiera_t", "batch": 1, "seconds": 0.105, "held_out_seconds": 0.1},
        {"model": "hiera_b", "batch": 1, "seconds": 0.33, "held_out_seconds": 0.3},
    ]
    return Calibration.model_validate(
        {
            "name": name,
            "device": known.model_copy(update={"name": name}),
            "torch": "2.13.0+cpu",
            "threads": 2,
            "date": "2026-01-02T03:04:05+00:00",
            "sustained": 1.0,
            "regimes": [
                {
                    "regime": regime,
                    "tier": "A",
                    "constants": constants,
                    "spread": 0.1,
                    "ratio_spread": 0.05,
                    "kinds": ["product", "attention", "norm"],
                    "anchors": anchors,
                    "microbenchmarks": 10,
                    "microbenchmark_error": 0.1,
                }
            ],
        }
    )
