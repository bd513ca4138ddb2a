from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hiera_compiler as hc
from hiera_search.accuracy import Estimator, Features, estimator, read_rows
from hiera_search.accuracy.fit import fit
from hiera_search.accuracy.forms import FORMS, MEAN
from hiera_search.accuracy.held_out import FOLDS, predictions
from hiera_search.accuracy.rungs.capacity import Capacity
from hiera_search.accuracy.rungs.fitted import Fitted, ranks_as_well

DEPTHS = range(2, 26, 2)


def rows_of(folder: Path, metric: Callable[[int, int], float], depths: range = DEPTHS, extra: str = "") -> Path:
    """Rows of Hiera-B with more and fewer blocks; the metric is given the place of the row and its capacity."""
    lines = ["spec,set,metric,recipe"]
    for place, depth in enumerate(depths):
        capacity = 2 * 96 + 3 * 192 + depth * 384 + 3 * 768
        lines.append(f"hiera_b,stages.2.depth={depth},{metric(place, capacity):.6f},")
    file = folder / "rows.csv"
    file.write_text("\n".join(lines) + extra + "\n")
    return file


def noise(place: int) -> float:
    return float(np.random.default_rng(place).normal())


def fitted(file: Path) -> Fitted:
    found = estimator("fitted", file)
    assert isinstance(found, Fitted)
    return found


def test_fits_rows_that_follow_capacity(tmp_path: Path) -> None:
    file = rows_of(tmp_path, lambda place, capacity: 60 + 3 * np.log(capacity) + 0.1 * noise(place))
    found = fitted(file)
    assert found.is_accuracy
    assert found.unit == "metric of rows.csv"
    assert found.fit.error < 0.2
    rows = read_rows(file)
    scores = found.score(rows.features)
    np.testing.assert_allclose(scores.value, rows.metric, atol=0.4)
    assert not scores.extrapolated.any()


def test_is_what_rows_alone_ask_for(tmp_path: Path) -> None:
    file = rows_of(tmp_path, lambda place, capacity: np.log(capacity))
    assert estimator(None, file).rung == "fitted"


def test_note_shows_error_and_rank_correlation_beside_the_baselines(tmp_path: Path) -> None:
    found = fitted(rows_of(tmp_path, lambda place, capacity: 60 + 3 * np.log(capacity) + 0.1 * noise(place)))
    assert f"on rows left out: mean error {found.fit.error:.3g}, Kendall tau 1.00 (capacity's 1.00)" in found.note
    assert "through 12 rows" in found.note


def steps_down(found: Estimator) -> bool:
    return isinstance(found, Capacity) and not found.is_accuracy and "rows.csv does better" in found.note


def test_steps_down_where_rows_are_noise(tmp_path: Path) -> None:
    found = estimator("fitted", rows_of(tmp_path, lambda place, capacity: noise(place)))
    assert steps_down(found)
    assert found.note.startswith("ranked by capacity")


def test_a_form_may_reorder_candidates_only_where_it_ranks_better_than_capacity() -> None:
    architectures = some_features(20, 0)
    line_in_macs = next(form for form in FORMS if form.title == "a line in log MACs")
    metric = np.log(architectures.macs)
    capacity = architectures.scaled_capacity
    assert ranks_as_well(line_in_macs, architectures, metric, unseen=metric)
    assert not ranks_as_well(line_in_macs, architectures, metric, unseen=capacity)
    assert not ranks_as_well(line_in_macs, architectures, metric, unseen=-metric)


def test_a_curve_that_rises_with_capacity_orders_as_capacity_whatever_it_says_of_rows_left_out() -> None:
    architectures = some_features(20, 0)
    metric = np.log(architectures.scaled_capacity)
    assert ranks_as_well(FORMS[0], architectures, metric, unseen=-metric)
    assert not ranks_as_well(FORMS[0], architectures, -metric, unseen=metric)


def test_wins_where_larger_is_worse(tmp_path: Path) -> None:
    found = fitted(rows_of(tmp_path, lambda place, capacity: -np.log(capacity) + 0.01 * noise(place)))
    small, large = (np.array([value], np.int64) for value in (4000, 12000))
    assert found.score(Features(small, small, small)).value > found.score(Features(large, large, large)).value


def test_uses_the_most_frequent_recipe_and_says_so(tmp_path: Path) -> None:
    extra = "\nhiera_t,,50,short\nhiera_b,stages.2.depth=2,40,short"
    found = fitted(rows_of(tmp_path, lambda place, capacity: 60 + 3 * np.log(capacity), extra=extra))
    assert len(found.rows) == 12
    assert found.note.endswith("rows of other recipes left out: 2")


def test_fewer_than_eight_rows_of_one_recipe_are_refused(tmp_path: Path) -> None:
    extra = "\nhiera_t,,50,short\nhiera_s,,40,short"
    file = rows_of(tmp_path, lambda place, capacity: np.log(capacity), depths=range(2, 9), extra=extra)
    with pytest.raises(hc.SpecError) as caught:
        estimator("fitted", file)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("H647", "there are 7 rows, and 8 are needed")


def test_equal_metrics_are_refused(tmp_path: Path) -> None:
    with pytest.raises(hc.SpecError) as caught:
        estimator("fitted", rows_of(tmp_path, lambda place, capacity: 80.0))
    assert [one.code for one in caught.value.diagnostics] == ["H648"]


def some_features(count: int, seed: int) -> Features:
    """Architectures whose costs go with their capacity, but not alone."""
    random = np.random.default_rng(seed)
    capacity = np.exp(random.uniform(np.log(3000), np.log(60000), count))
    macs = 5e5 * capacity * np.exp(0.2 * random.normal(size=count))
    params = 5e3 * capacity * np.exp(0.2 * random.normal(size=count))
    return Features(params.astype(np.int64), macs.astype(np.int64), capacity.astype(np.int64))


def test_bands_hold_nine_of_ten_new_architectures() -> None:
    inside = count = 0
    for seed in range(12):
        all_of_them = some_features(40, seed)
        random = np.random.default_rng(1000 + seed)
        metric = 90 - 400 * all_of_them.scaled_capacity**-0.5 + random.normal(size=40)
        known = np.arange(40) < 12
        scores = fit((MEAN, *FORMS), all_of_them.take(known), metric[known]).score(all_of_them.take(~known))
        fair = ~scores.extrapolated
        inside += int(((scores.low <= metric[~known]) & (metric[~known] <= scores.high))[fair].sum())
        count += int(fair.sum())
    assert count > 200
    assert inside / count >= 0.9


def test_resolution_is_that_of_two_noisy_rows() -> None:
    architectures = some_features(200, 1)
    metric = 3 * np.log(architectures.scaled_capacity) + np.random.default_rng(2).normal(size=200)
    found = fit((MEAN, *FORMS), architectures, metric)
    # The difference of two independent errors of deviation 1 stays within 1.645 * sqrt(2) nine times of ten.
    assert found.resolution == pytest.approx(1.645 * 2**0.5, rel=0.25)
    assert found.half_width == pytest.approx(1.645, rel=0.25)


def test_resolution_does_not_hold_the_error_that_all_candidates_share() -> None:
    architectures = some_features(40, 3)
    exact = 3 * np.log(architectures.scaled_capacity)
    assert fit(FORMS, architectures, exact).resolution < 1e-6
    assert fit(FORMS, architectures, exact + 50.0).resolution < 1e-6


def test_many_rows_are_held_out_in_folds_that_never_see_themselves() -> None:
    architectures = some_features(FOLDS * 3, 4)
    metric = np.log(architectures.scaled_capacity)
    spoiled = metric.copy()
    spoiled[::FOLDS] += 1000.0
    clean, found = (predictions(FORMS[1], architectures, values) for values in (metric, spoiled))
    np.testing.assert_allclose(found[::FOLDS], clean[::FOLDS])
    assert not np.allclose(found[1], clean[1])


def test_parabola_is_followed_by_its_tangents_outside_of_the_rows() -> None:
    architectures = some_features(30, 5)
    x = np.log(architectures.scaled_capacity)
    curve = FORMS[0].fit(architectures, -((x - x.mean()) ** 2))
    last = int(architectures.capacity.max())
    ends = np.array([last, last * 2, last * 4], np.int64)
    steps = np.diff(curve(Features(ends, ends, ends)))
    assert steps[0] == pytest.approx(steps[1])
    slope = -2 * (np.log(last) - x.mean())
    assert steps[0] == pytest.approx(slope * np.log(2), rel=1e-6)


def test_rows_that_are_all_alike_in_cost_still_give_a_band() -> None:
    alike = np.full(10, 9216, np.int64)
    found = fit((MEAN, *FORMS), Features(alike, alike, alike), np.arange(10.0))
    assert found.form is MEAN
    assert found.score(some_features(3, 0)).extrapolated.all()
