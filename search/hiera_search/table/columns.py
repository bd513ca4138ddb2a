"""The figures of many candidates."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from hiera_compiler.estimate.predict import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Columns:
    """Arrays with one entry for each candidate, int64 but for `refused`; figures of refused candidates are 0.

    `refused` is the place in ``Table.codes`` of the code that refuses, 0 where none does. `memory` is bytes of weights
    and of activations at their peak, `capacity` the sum over blocks of their channels, `latency` femtoseconds of one
    batch (0 without a profile); other counts are for one sample. A figure of 2^63 or more is given as 2^63 - 1.
    """

    refused: NDArray[np.int16]
    params: NDArray[np.int64]
    macs: NDArray[np.int64]
    flops: NDArray[np.int64]
    memory: NDArray[np.int64]
    capacity: NDArray[np.int64]
    latency: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.refused)

    @property
    def latency_ms(self) -> NDArray[np.float64]:
        """Milliseconds of one batch, as ``Prediction.latency_ms`` has them."""
        return self.latency / MILLISECOND

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the arrays."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def empty(cls, count: int) -> Columns:
        """Arrays to be filled, for so many candidates."""
        dtypes: dict[str, Any] = {"refused": np.int16}
        arrays: dict[str, Any] = {name: np.empty(count, dtypes.get(name, np.int64)) for name in cls.names()}
        return cls(**arrays)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in self.names()}

    def take(self, which: NDArray[Any]) -> Columns:
        """Some of the candidates, by their places or by a mask."""
        return self._each(lambda array, _: array[which])

    def join(self, other: Columns) -> Columns:
        """These candidates, and then others."""
        return self._each(lambda array, name: np.concatenate([array, getattr(other, name)]))

    def _each(self, change: Callable[[NDArray[Any], str], NDArray[Any]]) -> Columns:
        return Columns(**{name: change(array, name) for name, array in self.arrays().items()})
