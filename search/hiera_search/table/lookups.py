"""What is looked up for many candidates at once; what was not met before is worked out, once for all alike."""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from hiera_search.table.numbers import Numbers, Pairs, Radix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Keys = NDArray[np.int64]
    Ids = NDArray[np.int32]


Item = TypeVar("Item", bound=Hashable)


class Known:
    """Arrays that grow: one entry for each number."""

    def __init__(self, **dtypes: Any) -> None:
        self._arrays = {name: np.empty(0, dtype) for name, dtype in dtypes.items()}

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            return self.__dict__["_arrays"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(name) from None

    def extend(self, rows: Sequence[Sequence[int]]) -> None:
        """Append rows with one value for each array, in their order."""
        for (name, array), values in zip(self._arrays.items(), zip(*rows, strict=True), strict=True):
            self._arrays[name] = np.concatenate([array, np.array(values, array.dtype)])


class Listed(Generic[Item]):
    """Things by number, each once: equal things have one number."""

    def __init__(self, first: Sequence[Item] = ()) -> None:
        self.listed = list(first)
        self._numbers = {thing: number for number, thing in enumerate(first)}

    def __getitem__(self, thing: Item) -> int:
        number = self._numbers.setdefault(thing, len(self.listed))
        if number == len(self.listed):
            self.listed.append(thing)
        return number


class ByOptions:
    """Things that depend on the options of some holes; `work_out` makes one from a whole choice."""

    def __init__(
        self, holes: Sequence[int], digits: Sequence[int], work_out: Callable[[list[int]], Sequence[int]], known: Known
    ) -> None:
        self._radix = Radix(holes, digits)
        self._numbers = Numbers()
        self._work_out, self.known = work_out, known

    def of(self, options: Keys) -> Ids:
        """The number of each candidate's thing; `options` has one row for each hole."""
        keys = self._radix.of(options)
        ids = self._numbers.find(keys)
        if len(ids) and ids.min() < 0:
            new, places = first_places(keys, ids)
            with _many_objects():
                made = [self._work_out(options[:, place].tolist()) for place in places]
            self.known.extend(made)
            self._numbers.add(new)
            ids = self._numbers.find(keys)
        return ids


class Steps:
    """Steps from a state by a stage; `work_out` makes those of pairs."""

    def __init__(self, work_out: Callable[[int, int], Sequence[int]], known: Known) -> None:
        self._pairs = Pairs()
        self._work_out, self.known = work_out, known

    def of(self, states: Ids, stages: Ids, width: int) -> Ids:
        """The number of each candidate's step; `width` is more than any stage's number."""
        ids = self._pairs.find(states, stages, width)
        if len(ids) and ids.min() < 0:
            _, places = first_places(states * np.int64(width) + stages, ids)
            rows, columns = states[places], stages[places]
            with _many_objects():
                made = [self._work_out(*pair) for pair in zip(rows.tolist(), columns.tolist(), strict=True)]
            self.known.extend(made)
            self._pairs.add(rows, columns)
            ids = self._pairs.find(states, stages, width)
        return ids


@contextmanager
def _many_objects() -> Iterator[None]:
    """Pauses the search for reference cycles, a fifth of the time: there are none among specs and graphs."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def first_places(keys: Keys, ids: Ids) -> tuple[Keys, NDArray[np.intp]]:
    """The keys that have no number, each once, and where each first stands."""
    missing = np.flatnonzero(ids < 0)
    new, places = np.unique(keys[missing], return_index=True)
    return new, missing[places]
