"""Small numbers for what is met: equal things have equal numbers, counted from 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Keys = NDArray[np.int64]
    Ids = NDArray[np.int32]

DENSE = 1 << 24
"""The largest key of a dense table: 64 MB."""
_DIGITS = 1 << 31
_ABSENT = np.int32(-1)


class Numbers:
    """Numbers of keys, which are not negative: by place while the keys are small, by binary search otherwise."""

    def __init__(self) -> None:
        self.count = 0
        self._dense: Ids | None = np.full(1, _ABSENT)
        self._keys: Keys = np.empty(0, np.int64)
        self._ids: Ids = np.empty(0, np.int32)

    def find(self, keys: Keys) -> Ids:
        """The number of each key, -1 where it has none."""
        if self._dense is not None:
            return self._dense.take(keys, mode="clip")  # the last entry is -1: what lies beyond is unknown
        places = np.searchsorted(self._keys, keys)
        places[places == len(self._keys)] = 0
        return np.where(self._keys[places] == keys, self._ids[places], _ABSENT)

    def add(self, keys: Keys) -> None:
        """Number new keys, no two alike, in their order."""
        ids = np.arange(self.count, self.count + len(keys), dtype=np.int32)
        self.count += len(keys)
        if self._dense is not None and len(keys):
            self._make_room(int(keys.max()))
        if self._dense is not None:
            self._dense[keys] = ids
            return
        keys, ids = np.concatenate([self._keys, keys]), np.concatenate([self._ids, ids])
        order = np.argsort(keys)
        self._keys, self._ids = keys[order], ids[order]

    def _make_room(self, largest: int) -> None:
        assert self._dense is not None
        if largest >= DENSE:
            self._keys = np.flatnonzero(self._dense >= 0).astype(np.int64)
            self._ids = self._dense[self._keys]
            self._dense = None
        elif largest + 2 > len(self._dense):
            room = np.full((1 << (largest + 1).bit_length()) + 1, _ABSENT)
            room[: len(self._dense)] = self._dense
            self._dense = room


class Pairs:
    """Numbers of pairs of numbers."""

    def __init__(self) -> None:
        self._numbers = Numbers()
        self._width = 1
        self._rows: Ids = np.empty(0, np.int32)
        self._columns: Ids = np.empty(0, np.int32)

    def find(self, rows: Ids, columns: Ids, width: int) -> Ids:
        """The number of each pair, -1 where it has none; `width` is more than any column."""
        if width > self._width:
            self._width = 1 << width.bit_length()
            self._numbers = Numbers()
            self._numbers.add(self._keys(self._rows, self._columns))
        return self._numbers.find(self._keys(rows, columns))

    def add(self, rows: Ids, columns: Ids) -> None:
        """Number new pairs, no two alike, in their order."""
        self._rows = np.concatenate([self._rows, rows])
        self._columns = np.concatenate([self._columns, columns])
        self._numbers.add(self._keys(rows, columns))

    def _keys(self, rows: Ids, columns: Ids) -> Keys:
        keys = rows.astype(np.int64)
        keys *= self._width
        keys += columns
        return keys


class Radix:
    """Keys of the options of some holes, as digits of one number: equal keys are equal options."""

    def __init__(self, holes: Sequence[int], digits: Sequence[int]) -> None:
        self._groups: list[list[tuple[int, int]]] = [[]]
        weight = 1
        for hole in holes:
            if weight * digits[hole] > _DIGITS:
                self._groups.append([])
                weight = 1
            self._groups[-1].append((hole, weight))
            weight *= digits[hole]
        # Where the digits are too many for one number, those so far are numbered as they are met.
        self._prefixes = [Numbers() for _ in self._groups[1:]]

    def of(self, options: Keys) -> Keys:
        """The key of each candidate; `options` has one row for each hole."""
        keys = self._key(self._groups[0], options)
        for group, prefix in zip(self._groups[1:], self._prefixes, strict=True):
            ids = prefix.find(keys)
            if ids.min(initial=0) < 0:
                prefix.add(np.unique(keys[ids < 0]))
                ids = prefix.find(keys)
            keys = ids * np.int64(_DIGITS) + self._key(group, options)
        return keys

    @staticmethod
    def _key(group: list[tuple[int, int]], options: Keys) -> Keys:
        if not group:
            return np.zeros(options.shape[1], np.int64)
        keys: Keys = options[group[0][0]].copy()
        for hole, weight in group[1:]:
            keys += options[hole] * weight
        return keys
