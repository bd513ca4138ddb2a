"""What is added to the scores of attention inside windows; it is the same for every sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir.layout import UnitLayout
from hiera_compiler.ir.op import Op, Shape, View, require


@dataclass(frozen=True)
class RelativeBias(Op):
    """A learned number for each head and each offset of a query from a key: ``(1, heads, queries, keys)``.

    ``keys`` orders the tokens of a window, ``queries`` those that are left where its queries are pooled: each then
    stands where the first token of its stride stood (Swin, section 3.2).
    """

    heads: int
    keys: UnitLayout
    queries: UnitLayout

    def infer(self, *inputs: Shape) -> Shape:
        return (1, self.heads, prod(self.queries.unit), prod(self.keys.unit))

    def weights(self) -> dict[str, Shape]:
        return {"table": (prod(2 * side - 1 for side in self.keys.unit), self.heads)}

    def moved(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * prod(output) // self.heads + 4 * prod(output)  # indices of 8 bytes, a gather, and a copy in order


@dataclass(frozen=True)
class ShiftMask(View):
    """-100 between tokens that only a cyclic shift brought into one window, 0 elsewhere: ``(units, 1, keys, keys)``.

    A shift rolls the grid, so that the last windows along an axis hold tokens of both of its ends (Swin, section 3.2).
    """

    windows: UnitLayout
    shift: tuple[int, ...]

    def infer(self, *inputs: Shape) -> Shape:
        fits = all(shift < side for shift, side in zip(self.shift, self.windows.unit, strict=True))
        require(fits, f"a shift of {self.shift} is not less than a window of {self.windows.unit}")
        keys = prod(self.windows.unit)
        return (prod(self.windows.units), 1, keys, keys)
