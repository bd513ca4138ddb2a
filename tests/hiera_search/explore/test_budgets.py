from __future__ import annotations

import numpy as np
import pytest

from hiera_search.accuracy import Features
from hiera_search.explore import enumeration
from hiera_search.explore.budgets import Budgets, margin
from tests.hiera_search.explore.conftest import Searcher


def test_no_budget_is_no_limit() -> None:
    assert Budgets().given() == {}
    assert Budgets(latency_ms=2.5, min_throughput=100).given() == {"latency_ms": 2.5, "min_throughput": 100}


def test_even_odds_take_the_prediction_as_it_is() -> None:
    assert margin(0.3, 0.5) == pytest.approx(1.0)


def test_a_risk_of_one_in_twenty_is_the_upper_end_of_the_interval() -> None:
    assert margin(0.3, 0.05) == pytest.approx(2.718281828459045**0.3)


def test_less_risk_needs_more_room() -> None:
    assert margin(0.3, 1e-300) > margin(0.3, 0.01) > margin(0.3, 0.1) > 1.0


def test_an_exact_profile_needs_no_margin() -> None:
    assert margin(0.0, 0.01) == 1.0


@pytest.mark.filterwarnings("error")
def test_a_least_rate_at_a_huge_batch_is_a_number_for_what_is_refused_too(searcher: Searcher) -> None:
    search = searcher(min_throughput=1000.0, batch=10**6)
    every = next(enumeration.all_choices(search.space))
    columns = search.table.price(every)
    assert columns.refused.any()
    scores = search.estimator.score(Features(columns.params, columns.macs, columns.capacity))
    excess = search.sieve.limits.excess(columns, scores)["min_throughput"]
    assert np.isfinite(excess).all()
