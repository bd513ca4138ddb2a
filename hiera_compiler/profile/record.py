"""What was measured, as data: no figure without the conditions that it holds under."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from hiera_compiler.profile.sweep import Tried
from hiera_compiler.profile.timing import Spread

Regime = Literal["eager", "compiled"]

SECONDS_A_DAY = 86400


@dataclass(frozen=True)
class Protocol:
    """How figures are taken. By default as the Hiera paper does: inference only, the best of several batches."""

    warmup: int = 3
    """Calls before the first that is timed."""
    rounds: int = 10
    """Timed repeats; the figure is their median."""
    seconds: float = 0.25
    """The least length of one repeat: short calls are repeated within it."""
    latency_calls: int = 100
    latency_seconds: float = 20.0
    """Calls at batch 1, each timed by itself; slow models stop after the seconds, and after ten calls at least."""
    sweep_rounds: int = 3
    gain: float = 0.02
    """The batch grows while doubling it gains this share."""
    largest_batch: int = 1024
    memory_share: float = 0.8
    """The share of a CPU's available memory that a batch may need."""


@dataclass(frozen=True)
class Conditions:
    """The regime of a figure: it says nothing about any other."""

    device: str
    dtype: str
    regime: Regime
    attention: str
    """What the attention ran as, as observed: a fused kernel's name or explicit products."""
    torch: str
    threads: int
    date: str
    """UTC, ISO 8601."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one call at batch 1, each waited for."""

    p50: float
    p90: float
    p99: float
    calls: int


@dataclass(frozen=True)
class Training:
    """Forward and backward, without data loading, optimiser and communication; samples per second."""

    batch: int
    throughput: Spread

    def device_days(self, images: int, epochs: float) -> float:
        """Days on one device for so many samples and epochs, by extrapolation as in the paper."""
        return images * epochs / self.throughput.median / SECONDS_A_DAY


@dataclass(frozen=True)
class Measurement:
    """What was measured of one model; none for what an interruption left out or nobody asked for."""

    name: str
    conditions: Conditions
    protocol: Protocol
    input_shape: tuple[int, ...]
    tried: tuple[Tried, ...] = ()
    """The batches of the sweep; empty where a batch was given."""
    batch: int | None = None
    throughput: Spread | None = None
    """Samples (images or clips) per second at ``batch``."""
    latency: Latency | None = None
    memory_bytes: int | None = None
    """The most that torch had allocated during one pass at ``batch``, weights included."""
    training: Training | None = None
    compile_seconds: float | None = None
    """The first call of the compiled model; not part of any other figure."""
    notes: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """The measurement as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Ratio:
    """How many times the throughput of ``base`` a model has, round by round in one run."""

    name: str
    base: str
    times: Spread


@dataclass(frozen=True)
class Run:
    """Everything that one run measured; ``interrupted`` where it was stopped before its end."""

    measurements: tuple[Measurement, ...]
    ratios: tuple[Ratio, ...]
    interrupted: bool = False

    def data(self) -> dict[str, Any]:
        """The run as plain data."""
        return asdict(self)
