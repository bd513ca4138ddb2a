"""The flags of `hiera profile` that measure, and what they ask for together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

TARGETS = (
    "Spec files, or names of bundled specs; also timm:NAME, and module:FILE.py:FUNCTION, which runs that file of yours."
)

Measure: TypeAlias = Annotated[
    bool,
    typer.Option("--measure", help="Measure speed and memory on this machine by the paper's protocol (minutes)."),
]
Regime: TypeAlias = Annotated[
    Literal["eager", "compiled"] | None,
    typer.Option(
        help="With --measure or --trace: how it runs, by default eager; compiled means full graphs, or an error.",
        show_default=False,
    ),
]
TrainImages: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="With --measure: samples to train on, for days of training."),
]
Epochs: TypeAlias = Annotated[
    float | None,
    typer.Option(min=0.01, max=1e9, metavar="E", help="With --train-images: how often it is gone through."),
]
NoTrain: TypeAlias = Annotated[bool, typer.Option("--no-train", help="With --measure: leave training speed out.")]
Trace: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write a trace of each model there, for Perfetto and TensorBoard, and as a page."),
]


@dataclass(frozen=True)
class Asked:
    """What to measure, where and how."""

    measure: bool = False
    device: str | None = None
    dtype: str | None = None
    batch: int | None = None
    """None for the best of a sweep."""
    regime: Literal["eager", "compiled"] | None = None
    """None for eager."""
    train: bool = True
    train_images: int | None = None
    epochs: float | None = None
    trace: Path | None = None

    @property
    def anything(self) -> bool:
        """Whether anything is to be run."""
        return self.measure or self.trace is not None

    @property
    def names_this_machine(self) -> bool:
        """Whether the device is one to measure on, and not one to predict for."""
        return self.anything and re.fullmatch(r"cpu|cuda(:\d+)?", self.device or "") is not None

    @property
    def names_a_known_device(self) -> bool:
        """Whether the device is one to predict for."""
        return self.device is not None and not self.names_this_machine

    def require_consistent(self) -> None:
        """Raises bad usage where one flag needs another, for a flag without effect is a mistake."""
        if not self.train and not self.measure:
            raise typer.BadParameter("--no-train needs --measure")
        if self.regime is not None and not self.anything:
            raise typer.BadParameter("--regime needs --measure or --trace; predictions are for every regime")
        if (self.train_images is None) != (self.epochs is None):
            raise typer.BadParameter("--train-images and --epochs go together")
        if self.train_images is not None and not (self.measure and self.train):
            raise typer.BadParameter("--train-images needs --measure, with training")
