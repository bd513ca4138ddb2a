"""Refusals of candidates as numbers: the smaller is reported first, and holds the code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hiera_compiler import checks

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAWFUL = 2**31 - 1
"""The number of a candidate that nothing refuses: more than that of any refusal."""
TRUNK, STAGE_LIST, AFTER_STAGES = 0, 1, 127
"""Places in the order of a spec's form: what comes before the stages, their list, and what comes after them."""
_TIE, _FORM, _RULES = 0, 1, 2
_PLACES, _CODES = 1 << 7, 1 << 12
_NO_ROOM = checks.PARAMETER_LIMIT.rank + 1


def stage_place(index: int, *, depth: bool = False) -> int:
    """The place of a stage in the order of a spec's form, or of its depth, which comes first."""
    return STAGE_LIST + 1 + 2 * index + (not depth)


class Refusals:
    """The codes met so far, and numbers that compare as ``check_spec`` orders what it reports."""

    def __init__(self) -> None:
        self.codes = [""]

    def tie(self, code: str, place: int) -> int:
        """A value that cannot be worked out."""
        return self._number(_TIE, place, code)

    def form(self, code: str, place: int) -> int:
        """A value that is not of the form that its key takes."""
        return self._number(_FORM, place, code)

    def rules(self, found: Sequence[checks.Found]) -> int:
        """The first of what rules found, lawful where that is nothing."""
        return min((self.limit(each.rank, each.diagnostic.code) for each in found), default=LAWFUL)

    def limit(self, rank: int, code: str) -> int:
        """What a rule of this place in the order of all refuses."""
        return self._number(_RULES + rank, 0, code)

    def lowering(self, code: str) -> int:
        """A block that is refused, or primitives that do not fit each other."""
        return self.limit(checks.LOWERING, code)

    def no_room(self) -> int:
        """A batch that does not fit into the device's memory."""
        return self.limit(_NO_ROOM, "H503")

    @staticmethod
    def codes_of(numbers: NDArray[np.int32]) -> NDArray[np.int16]:
        """The place of each number's code among the codes, 0 for lawful."""
        return np.where(numbers == LAWFUL, 0, numbers & (_CODES - 1)).astype(np.int16)

    def _number(self, phase: int, place: int, code: str) -> int:
        if code not in self.codes:
            self.codes.append(code)
        return (phase * _PLACES + place) * _CODES + self.codes.index(code)
