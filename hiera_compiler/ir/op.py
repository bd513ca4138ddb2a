"""What a primitive is.

One multiply-add counts as one MAC. ``macs`` counts matrix products and convolutions only (what
``torch.utils.flop_counter`` counts, at two FLOPs each); ``norm_macs`` is what fvcore, and so the Hiera
paper, adds for normalisation: five per element.

Memory is counted in elements, for one sample at inference and without the weights: ``writes`` is what a
primitive allocates for its output, ``moved`` what it reads and writes when it runs by itself, and
``scratch`` what it holds beside its inputs and output while it runs as several kernels.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]


class ShapeError(Exception):
    """The inputs of a primitive do not fit it; the message says which sizes meet."""


@dataclass(frozen=True)
class Op(ABC):
    """A primitive of the graph: a pure function of its inputs and weights."""

    @abstractmethod
    def infer(self, *inputs: Shape) -> Shape:
        """The output shape for these input shapes; raises ShapeError where they do not fit."""

    def weights(self) -> dict[str, Shape]:
        """Parameter shapes by suffix to the node's name; the empty suffix is the name itself."""
        return {}

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Multiply-accumulates of matrix products and convolutions for one sample."""
        return 0

    def norm_macs(self, output: Shape) -> int:
        """Multiply-accumulates that fvcore counts for normalisation, for one sample."""
        return 0

    def acts(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Elements that matrix products and convolutions write: what fvcore counts as activations."""
        return 0

    def writes(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Elements of the output that are new memory; none where the output is a view of the first input."""
        return prod(output)

    def moved(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Elements read from the inputs and written, each once; none for a view."""
        return sum(map(prod, inputs)) + prod(output)

    def scratch(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Elements held beside inputs and output while the primitive runs, where it is not one fused kernel."""
        return self.workspace(inputs, output)

    def workspace(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """The part of ``scratch`` that is held wherever it runs, for there is no fused kernel of it."""
        return 0


@dataclass(frozen=True)
class View(Op):
    """A primitive that computes nothing at inference: its output is a view of its first input, or of a weight."""

    def writes(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 0

    def moved(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 0


_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")


def words(op: Op) -> str:
    """The words of the name of a primitive's class: "talking heads" of TalkingHeads."""
    return _BETWEEN_WORDS.sub(" ", type(op).__name__).lower()


def require(condition: bool, message: str) -> None:
    """Raise ShapeError with the message where the condition does not hold."""
    if not condition:
        raise ShapeError(message)


def tokens_of(shape: Shape, op: str) -> Shape:
    """The shape itself, where it is ``(units, tokens, channels)``; raises ShapeError elsewhere."""
    require(len(shape) == 3, f"{op} needs (units, tokens, channels), got {shape}")
    return shape
