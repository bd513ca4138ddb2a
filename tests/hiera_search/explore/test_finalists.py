"""What becomes of finalists whose measured time is over the budget that their predicted one is within."""

from types import SimpleNamespace

import pytest

from hiera_search.explore import leave, outcome
from hiera_search.explore.search import Search
from hiera_search.ledger import evaluations
from hiera_search.report.form import Front
from tests.hiera_search.explore.conftest import Searcher


def of_finalists(search: Search, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> tuple[Front, Front]:
    """The front as it was found, and as it is left once its first is measured as slow and its second as fast."""
    found = outcome(search, search.run(lambda step, done, total: None), "hiera search")
    times = {one.hash: time for one, time in zip(found.front, (7.0, 1.0), strict=False)}

    def evaluate(task: evaluations.Task) -> dict[str, float]:
        time = times[task.candidate.hash]
        return {"latency_ms": time, "latency_low": time, "latency_high": time}

    monkeypatch.setattr(evaluations, "evaluate", evaluate)
    return found, leave(search, found, said.append)


def test_on_the_machine_that_is_predicted_what_is_too_slow_leaves_the_front(
    searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, said = searcher(latency_ms=1.5, measure=2), list[str]()
    here = [SimpleNamespace(device=search.profile.device)]
    monkeypatch.setattr("hiera_search.explore.finalists.calibrations", lambda: here)
    found, left = of_finalists(search, monkeypatch, said)
    assert [one.hash for one in left.front] == [one.hash for one in found.front[1:]]
    assert f"{found.front[0].name} is left out: 7 ms measured, 1.5 ms allowed" in said
    assert [one.measured and one.measured.latency_ms for one in left.front[:2]] == [1.0, None]


def test_on_another_machine_a_measured_time_says_nothing_of_the_budget(
    searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, said = searcher(latency_ms=1.5, measure=2), list[str]()
    monkeypatch.setattr("hiera_search.explore.finalists.calibrations", list)
    found, left = of_finalists(search, monkeypatch, said)
    assert [one.hash for one in left.front] == [one.hash for one in found.front]
    assert not any("is left out" in line for line in said)
    assert [one.measured and one.measured.as_predicted for one in left.front[:3]] == [False, False, None]
