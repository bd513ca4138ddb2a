import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # it ships no types

from hiera_search.accuracy.correlation import bootstrapped_kendall, concordance, interval, kendall, spearman
from hiera_search.accuracy.interval import half_width


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=12))
def test_kendall_and_spearman_are_scipys_with_ties_too(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, np.float64).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert kendall(x, y) == 0.0
        assert spearman(x, y) == 0.0
    else:
        assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)
        assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_concordance_counts_pairs_of_equal_cost_alone() -> None:
    macs = np.array([100, 105, 109, 200, 1000], np.int64)
    metric = np.array([1.0, 2.0, 3.0, 0.0, 9.0])
    score = np.array([1.0, 3.0, 2.0, 7.0, 0.0])
    share, pairs = concordance(score, metric, macs)
    assert share == pytest.approx(2 / 3)
    assert pairs == 3


def test_equal_scores_are_half_right_and_equal_metrics_no_pair() -> None:
    macs = np.array([100, 100, 100], np.int64)
    assert concordance(np.array([5.0, 5.0, 6.0]), np.array([1.0, 2.0, 2.0]), macs) == (0.75, 2)


def test_no_pair_of_equal_cost_gives_no_share() -> None:
    assert concordance(np.arange(2.0), np.arange(2.0), np.array([1, 2])) == (None, 0)


def test_bootstrap_is_that_of_drawn_rows() -> None:
    random = np.random.default_rng(0)
    score, metric = random.normal(size=9), random.normal(size=9)
    found = bootstrapped_kendall([score], metric, seed=3, samples=20)[0]
    drawn = np.random.default_rng(3).multinomial(9, np.full(9, 1 / 9), 20)
    for counts, tau in zip(drawn, found, strict=True):
        rows = np.repeat(np.arange(9), counts)
        assert tau == pytest.approx(stats.kendalltau(score[rows], metric[rows]).statistic)


def test_interval_narrows_with_rows_and_holds_tau() -> None:
    random = np.random.default_rng(1)
    widths = []
    for count in (10, 100):
        metric = np.arange(count) + random.normal(size=count) * count / 4
        low, high = interval(bootstrapped_kendall([np.arange(float(count))], metric)[0])
        assert low < kendall(np.arange(float(count)), metric) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_half_width_is_students_for_few_errors_and_a_quantile_for_many() -> None:
    few = np.array([1.0, -2.0, 3.0])
    assert half_width(few) == pytest.approx(stats.t.ppf(0.95, 2) * np.sqrt(14 / 3), rel=2e-3)
    many = np.arange(1.0, 100.0)
    assert half_width(many) == 90.0
    assert half_width(np.array([1.0])) == np.inf
