"""What a calibration measures, and for how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WholeModel:
    """A spec that is measured as a whole, at these batches in ascending order."""

    spec: str
    settings: tuple[str, ...] = ()
    batches: tuple[int, ...] = (1,)

    @property
    def name(self) -> str:
        """The spec with what was set."""
        return " ".join((self.spec, *self.settings))


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long; times are in seconds."""

    images: tuple[int, ...]
    """Batches of the products, the largest also of the attention."""
    elements: tuple[int, ...]
    """Sizes of what is streamed."""
    models: tuple[WholeModel, ...]
    rounds: int = 7
    kernel_seconds: float = 0.03
    """The least length of one timed repeat of a kernel."""
    sustained_seconds: float = 5.0


CPU = Plan(
    images=(1, 4),
    elements=(600_000, 5_000_000),
    models=(
        WholeModel("hiera_t", batches=(1, 4)),
        WholeModel("hiera_t", ("input.size=160",), (1, 8)),
        WholeModel("hiera_b", batches=(1, 4)),
    ),
)
FULL_QUEUE = (16, 128, 256)
"""Batches of whole models on CUDA: a fast GPU waits for its host at less, and a batch without room is left out."""
CUDA = Plan(
    images=(1, 16, 128),
    elements=(600_000, 20_000_000, 200_000_000),
    models=tuple(WholeModel(name, batches=FULL_QUEUE) for name in ("hiera_t", "hiera_b", "hiera_l")),
    sustained_seconds=20.0,
)
QUICK_CPU = Plan(
    images=(1,),
    elements=(600_000,),
    models=(WholeModel("hiera_t", ("input.size=96",)), WholeModel("hiera_s", ("input.size=128",))),
    rounds=3,
    kernel_seconds=0.005,
    sustained_seconds=0.5,
)
QUICK_CUDA = Plan(
    images=(16,),
    elements=(20_000_000,),
    models=tuple(WholeModel(name, batches=FULL_QUEUE[:2]) for name in ("hiera_t", "hiera_b")),
    rounds=3,
    kernel_seconds=0.005,
    sustained_seconds=1.0,
)


def plan_for(device: str, quick: bool = False) -> Plan:
    """What is measured on such a device by default: two minutes, or with `quick` some seconds."""
    if device.startswith("cuda"):
        return QUICK_CUDA if quick else CUDA
    return QUICK_CPU if quick else CPU
