"""What estimators see of candidates, and what they say of them, as arrays of equal length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Positions = NDArray[np.intp]
Flags = NDArray[np.bool_]

REFERENCE_SIDE = 224
"""Pixels of the side of an image at which capacities are compared; that of the paper's recipe."""


@dataclass(frozen=True)
class Features:
    """Parameters, multiply-accumulates of one sample, capacity, and the pixels of the input's larger side.

    Without `size` the input is taken to be of 224 pixels.
    """

    params: Integers
    macs: Integers
    capacity: Integers
    size: Integers | None = None

    def __len__(self) -> int:
        return len(self.capacity)

    @property
    def scaled_capacity(self) -> Floats:
        """Capacity times the input's side over 224 pixels.

        At one input size this orders as capacity does. Across sizes, capacity alone would call the smallest input
        best, as it is the cheapest. Depth, width and side count alike here, as in compound scaling (EfficientNet,
        section 3.3: 1.2, 1.1 and 1.15 together cost twice as much).
        """
        capacity = self.capacity.astype(np.float64)
        return capacity if self.size is None else capacity * (self.size / REFERENCE_SIDE)

    def take(self, which: Positions | Flags) -> Features:
        """Some of them, by position or by flag."""
        size = None if self.size is None else self.size[which]
        return Features(self.params[which], self.macs[which], self.capacity[which], size)

    def join(self, other: Features) -> Features:
        """Both, these first."""
        size = None if self.size is None or other.size is None else np.concatenate([self.size, other.size])
        pairs = ((self.params, other.params), (self.macs, other.macs), (self.capacity, other.capacity))
        params, macs, capacity = map(np.concatenate, pairs)
        return Features(params, macs, capacity, size)


@dataclass(frozen=True)
class Scores:
    """Scores with their 90 % bands, and which of them lie beyond what the estimator knows.

    A band holds the error that all candidates share (the level of the recipe, the fit) and the one that each has for
    itself. The first cancels when two candidates are compared. What remains is `resolution`: the smallest difference
    of two scores that exceeds, at 90 %, the error in predicting the difference of two neighbours that the fit has
    not seen. It holds within the range of the rows; 0 where scores are exact.
    """

    value: Floats
    low: Floats
    high: Floats
    extrapolated: Flags
    resolution: float = 0.0

    def __len__(self) -> int:
        return len(self.value)

    def take(self, which: Positions | Flags) -> Scores:
        """Some of them, by position or by flag."""
        return Scores(self.value[which], self.low[which], self.high[which], self.extrapolated[which], self.resolution)

    def join(self, other: Scores) -> Scores:
        """Both, these first; of two resolutions the coarser."""
        return Scores(
            np.concatenate([self.value, other.value]),
            np.concatenate([self.low, other.low]),
            np.concatenate([self.high, other.high]),
            np.concatenate([self.extrapolated, other.extrapolated]),
            max(self.resolution, other.resolution),
        )


def tied(scores: Scores, first: Positions | int, second: Positions | int) -> Flags:
    """Whether candidates differ by no more than noise: their bands overlap once the error they share has cancelled.

    The bands themselves would be the wrong test: with six published points nearly every two of them overlap, although
    most of their width is an error that both candidates share. Of a tie, the cheaper candidate wins.
    """
    return np.asarray(np.abs(scores.value[first] - scores.value[second]) <= scores.resolution)
