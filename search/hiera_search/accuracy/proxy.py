"""What a zero-cost proxy is: a score of the untrained module."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from hiera_compiler import Compilation
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.source import with_settings
from hiera_search.accuracy import problems
from hiera_search.accuracy.estimator import Estimator
from hiera_search.accuracy.rungs.capacity import Capacity
from hiera_search.accuracy.scores import Features, Floats, Scores

if TYPE_CHECKING:
    from torch import Tensor, nn

    from hiera_search.accuracy.rows import Rows


class Proxy(Estimator):
    """Scores a module that nobody has trained, for study: none is known to rank better than capacity.

    One file in `proxies/` is one proxy. Columns of candidates have no module, so these are ranked by capacity, and
    the proxy itself is `evaluate`.
    """

    unit = Capacity.unit

    def __init__(self) -> None:
        self.note = (
            f"{self.rung}: a score of the untrained network, not an accuracy; candidates are ranked by capacity, "
            "and the proxy is worked out for the finalists"
        )

    @classmethod
    def of(cls, rows: Rows | None) -> Proxy:
        return cls()

    @abstractmethod
    def measure(self, module: nn.Module, pixels: Tensor) -> float:
        """The score of a module in evaluation mode on a batch; random numbers are torch's."""

    def evaluate(self, compilation: Compilation, seed: int = 0, batch: int = 4, size: int | None = None) -> float:
        """The score of a spec's module with initial weights, on a batch of noise, in float32 on the CPU.

        The seed settles the weights, the batch and the labels. `size` is another side of the input, to be quicker.
        Raises SpecError for a size that the spec cannot have, and a score that is not a finite number.
        """
        import torch

        if size is not None:
            compilation = Compilation(with_settings(compilation.source, [f"input.size={size}"]))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = compilation.module("cpu", torch.float32).eval()
            pixels = torch.randn(batch, *compilation.spec.input_shape)
            with torch.enable_grad():
                value = self.measure(module, pixels)
        if not math.isfinite(value):
            raise SpecError(problems.not_finite(self.rung, compilation.spec.name, value))
        return value

    @property
    def of_capacity(self) -> bool:
        return True

    @property
    def scored_by(self) -> str:
        return Capacity.rung

    def score(self, features: Features) -> Scores:
        return Capacity().score(features)

    def rank(self, rows: Rows) -> Floats:
        return np.array([self.evaluate(one) for one in rows.compilations])


def logits(module: nn.Module, pixels: Tensor) -> Tensor:
    """What a module says of a batch, ``[batch, classes]``; of a trunk without a head, its last map's mean."""
    found = module(pixels)
    if isinstance(found, list | tuple):
        last: Tensor = found[-1]
        return last.flatten(1, -2).mean(dim=1)
    assert not isinstance(found, dict)
    only: Tensor = found
    return only


def noise_loss(module: nn.Module, pixels: Tensor) -> Tensor:
    """The cross-entropy of a batch with random labels, as proxies take it without data."""
    import torch

    predicted = logits(module, pixels)
    labels = torch.randint(predicted.shape[1], (len(pixels),))
    return torch.nn.functional.cross_entropy(predicted, labels)
