"""The larger side of the input that each candidate has, by look-up."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from hiera_search.space import Refused, Space

_PATH = ("input", "size")


class Sizes:
    """Looks at the spec once for each distinct choice of the holes that decide the input's size."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._holes = np.array(space.below(_PATH), np.intp)
        digits = space.digits()
        self._known = np.full(prod(digits[hole] for hole in self._holes), -1, np.int64)
        self._digits = tuple(digits[hole] for hole in self._holes)

    def of(self, choices: NDArray[np.int32]) -> NDArray[np.int64]:
        """Pixels of the larger side; 0 where it cannot be worked out."""
        if not len(self._holes):
            flat = np.zeros(len(choices), np.intp)
        else:
            flat = np.ravel_multi_index(tuple(choices[:, self._holes].T), self._digits)
        found = self._known[flat]
        if (found < 0).any():
            for place in np.unique(flat[found < 0]):
                self._known[place] = self._size(int(place))
            found = self._known[flat]
        return found

    def _size(self, place: int) -> int:
        options = np.unravel_index(place, self._digits) if self._digits else ()
        try:
            value = self._space.value(_PATH, {int(h): int(o) for h, o in zip(self._holes, options, strict=True)})
        except Refused:
            return 0
        sides = value if isinstance(value, list | tuple) else [value]
        return max((side for side in sides if isinstance(side, int)), default=0)
