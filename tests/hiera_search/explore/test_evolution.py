from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hiera_search.explore.evolution import Effort, Evolution
from hiera_search.explore.search import Search
from hiera_search.table import Columns
from tests.hiera_search.explore.conftest import Searcher


def figures(search: Search) -> set[tuple[float, float]]:
    front = search.sieve.front
    assert front is not None
    return set(zip(front.cost.tolist(), front.scores.value.tolist(), strict=True))


@pytest.mark.parametrize("limits", [{}, {"latency_ms": 2.0}, {"gmacs": 8.0, "mparams": 40.0}])
def test_evolution_finds_the_exact_front(searcher: Searcher, limits: dict[str, float]) -> None:
    exact = searcher(**limits)
    assert exact.run(lambda *_: None).exact
    evolved = searcher(**limits)
    for _ in Evolution(evolved.space, evolved.sieve, Effort(population=60), seed=0).steps():
        pass
    assert evolved.sieve.evaluated < exact.sieve.evaluated
    assert figures(evolved) == figures(exact)


def test_no_candidate_is_judged_twice(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    evolved = searcher()
    batches: list[np.ndarray] = []
    price = evolved.table.price

    def noting(choices: NDArray[np.int32]) -> Columns:
        batches.append(choices)
        return price(choices)

    monkeypatch.setattr(evolved.table, "price", noting)
    for _ in Evolution(evolved.space, evolved.sieve, Effort(population=60), seed=0).steps():
        pass
    judged = np.concatenate(batches)
    assert len(np.unique(judged, axis=0)) == len(judged) == evolved.sieve.evaluated


def test_the_same_seed_gives_the_same_front(searcher: Searcher) -> None:
    found = []
    for _ in range(2):
        evolved = searcher(latency_ms=2.0)
        for _ in Evolution(evolved.space, evolved.sieve, Effort(400, population=40), seed=7).steps():
            pass
        assert evolved.sieve.front is not None
        found.append(evolved.sieve.front.choices)
    assert np.array_equal(found[0], found[1])


def test_effort_ends_the_search(searcher: Searcher) -> None:
    evolved = searcher()
    for _ in Evolution(evolved.space, evolved.sieve, Effort(600, population=40), seed=0).steps():
        pass
    assert evolved.sieve.evaluated < 600 + 8 * 40
