"""The larger side of the input that each candidate has, by look-up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiera_search.space import Refused, Space
from hiera_search.table.lookups import ByOptions, Known

_PATH = ("input", "size")


class Sizes:
    """Looks at the spec once for each distinct choice of the holes that decide the input's size."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._holes = space.below(_PATH)
        self._sizes = ByOptions(self._holes, space.digits(), self._size, Known(pixels=np.int64))

    def of(self, choices: NDArray[np.int32]) -> NDArray[np.int64]:
        """Pixels of the larger side; 0 where it cannot be worked out."""
        found = self._sizes.of(np.ascontiguousarray(choices.T, np.int64))
        return self._sizes.known.pixels[found]

    def _size(self, choice: list[int]) -> tuple[int]:
        try:
            value = self._space.value(_PATH, {hole: choice[hole] for hole in self._holes})
        except Refused:
            return (0,)
        sides = value if isinstance(value, list | tuple) else [value]
        return (max((side for side in sides if isinstance(side, int)), default=0),)
