"""How the tokens of one mask unit are ordered."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class UnitLayout:
    """A token grid cut into mask units, each stored as one contiguous run of tokens.

    ``units`` counts the mask units along each axis. ``folds`` are the factors of a unit's side along each
    axis, one tuple per factor: the first fold is the finest neighbour offset *and* the slowest-varying
    part of the run. So pooling by a stride equal to the first fold is a reduction over the leading part
    of the run, contiguous and without reordering, and never reaches into another unit. Within a fold
    tokens are in raster order. The reference calls the same order "unroll" (Hiera, section 4).
    """

    units: tuple[int, ...]
    folds: tuple[tuple[int, ...], ...]

    @property
    def unit(self) -> tuple[int, ...]:
        """The side of a mask unit along each axis, in tokens."""
        return tuple(prod(fold[axis] for fold in self.folds) for axis in range(len(self.units)))

    @property
    def grid(self) -> tuple[int, ...]:
        """The size of the whole token grid along each axis."""
        return tuple(count * side for count, side in zip(self.units, self.unit, strict=True))

    @property
    def is_raster(self) -> bool:
        """Whether the run is the whole grid in raster order: one unit of one fold."""
        return all(count == 1 for count in self.units) and len(self.folds) <= 1

    def pooled(self) -> UnitLayout:
        """The layout after pooling by the first fold."""
        return UnitLayout(self.units, self.folds[1:])

    def pooled_by(self, stride: tuple[int, ...]) -> UnitLayout | None:
        """The layout after pooling by the first folds, as many as make up the stride; none where none do."""
        if self.folds[:1] == (stride,):
            return self.pooled()
        sides = (1,) * len(self.units)
        for count, fold in enumerate((sides, *self.folds)):
            sides = tuple(side * factor for side, factor in zip(sides, fold, strict=True))
            if sides == stride:
                return UnitLayout(self.units, self.folds[count:])
        return None

    @classmethod
    def raster(cls, grid: tuple[int, ...]) -> UnitLayout:
        """The layout of a grid that is not cut: one unit, in raster order."""
        return cls((1,) * len(grid), (grid,))
