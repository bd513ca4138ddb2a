"""The form of a calibration: constants of one machine's software regimes, and the measurements they rest on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hiera_compiler.devices import Device
from hiera_compiler.estimate.price import Constants

FORMAT = "hiera-calibration-1"
"""The first key of every file; another value is a file of another form."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NAME = r"[a-z0-9][a-z0-9-]{0,63}"
"""What a calibrated device may be called: lower-case letters, digits and hyphens."""
Constant = Literal[
    "products", "convolutions", "attention", "unaligned", "memory", "lanes", "depthwise", "launch", "scale"
]
RegimeName = Literal["eager-half", "eager-amp", "compiled-half", "compiled-amp", "eager-fp32", "compiled-fp32"]
"""The regimes that are calibrated: half precision and autocast on CUDA, fp32 on a CPU."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Form):
    """A constant's value, and whether rows moved it (fitted) or none of them depends on it (assumed)."""

    value: Positive
    source: Literal["fitted", "assumed"]


class Anchor(_Form):
    """A whole model: seconds of a batch, measured, and predicted by constants fitted without any row of this model."""

    model: str
    batch: Annotated[int, Field(gt=0)]
    seconds: Positive
    held_out_seconds: Positive | None

    @property
    def error(self) -> float | None:
        """Predicted over measured throughput, less one; none where there was no other model to fit on."""
        return None if self.held_out_seconds is None else self.seconds / self.held_out_seconds - 1.0


class CalibratedRegime(_Form):
    """Constants of one software regime with what they rest on; `spread` and `ratio_spread` are those of profiles."""

    regime: RegimeName
    tier: Literal["A", "B"]
    constants: Annotated[dict[Constant, Figure], Field(min_length=9)]
    spread: Positive
    ratio_spread: Positive
    kinds: frozenset[str]
    anchors: tuple[Anchor, ...]
    microbenchmarks: Annotated[int, Field(ge=0)]
    microbenchmark_error: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """The mean absolute error of the microbenchmarks' times, by the fit on them alone."""
    host_bound: tuple[str, ...] = ()
    """Models, with their batches, whose kernels took longer to launch than to run: no rows of the fit."""

    @property
    def price(self) -> Constants:
        """The constants as prices are worked out with them."""
        return Constants(**{name: figure.value for name, figure in self.constants.items()})

    @property
    def held_out_error(self) -> float | None:
        """The mean absolute error of the models that were left out one by one; none where there were not two."""
        errors = [abs(anchor.error) for anchor in self.anchors if anchor.error is not None]
        return sum(errors) / len(errors) if errors else None


class Calibration(_Form):
    """Everything in one file: a device with the rates that prices refer to, its software, and what was fitted.

    Compared by identity, so that profiles are made once for each file that was read.
    """

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    format: Literal["hiera-calibration-1"] = "hiera-calibration-1"
    name: Annotated[str, Field(pattern=f"^{NAME}$")]
    device: Device
    torch: str
    threads: Annotated[int, Field(gt=0)]
    date: str
    sustained: Positive | None
    """The rate of a long product at its end, as a share of that at its start: clocks sink on a warm device."""
    regimes: Annotated[tuple[CalibratedRegime, ...], Field(min_length=1)]

    def text(self) -> str:
        """The file."""
        return self.model_dump_json(indent=2) + "\n"
