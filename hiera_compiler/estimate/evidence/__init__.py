"""Published measurements, and the kernel lists of the public models that they are of, as data with their source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hiera_compiler.estimate.kernel import Kernel

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class MeasuredRow:
    """A public model's measured throughput, in images per second."""

    model: str
    pixels: int
    batch: int
    throughput: float

    @property
    def family(self) -> str:
        """Models of one architecture; the authors' Hiera and SAM 2's are both Hiera."""
        return next(family for start, family in _FAMILIES.items() if self.model.startswith(start))


_FAMILIES = {"hiera": "hiera", "sam2": "hiera", "vit": "vit", "deit": "vit"}
_FAMILIES |= {"swin": "swin", "mvitv2": "mvitv2", "convnextv2": "convnextv2"}


def implementation(model: str) -> str:
    """The code of a model: SAM 2's Hiera attends with four axes in its windows, the authors' with five."""
    if model.startswith(("hieradet", "sam2")):
        return "hieradet"
    return next(family for start, family in _FAMILIES.items() if model.startswith(start))


@dataclass(frozen=True)
class MeasuredSet:
    """Rows that one machine measured in one software regime."""

    device: str
    torch: str
    mode: str
    dtype: str
    rows: tuple[MeasuredRow, ...]

    @property
    def name(self) -> str:
        return f"{self.device} torch {self.torch} {self.mode}"

    @property
    def kernels_key(self) -> str:
        """Which of a model's kernel lists applies: math attention computes in fp32 since torch 2.5."""
        major, minor = (int(part) for part in self.torch.split(".")[:2])
        return f"{self.mode}-{'fp32' if (major, minor) >= (2, 5) else 'half'}-math"


@cache
def measured_sets() -> tuple[MeasuredSet, ...]:
    """The measured sets of the public results tables."""
    return tuple(
        MeasuredSet(**entry["regime"], rows=tuple(MeasuredRow(*row) for row in entry["rows"]))
        for entry in _load("measured.yaml")
    )


@cache
def paper() -> dict[str, Any]:
    """The paper's throughput tables."""
    return dict(_load("paper.yaml"))


@cache
def traced() -> dict[str, dict[str, tuple[Kernel, ...]]]:
    """The kernel lists of the measured models: by model and size, then by regime."""
    document = json.loads((FOLDER / "kernels.json").read_text(encoding="utf-8"))
    table = [Kernel(*row) for row in document["kernels"]]
    return {
        name: {key: tuple(table[index] for index in indices) for key, indices in lists.items()}
        for name, lists in document["models"].items()
    }


def _load(name: str) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((FOLDER / name).read_text(encoding="utf-8"), loader)
