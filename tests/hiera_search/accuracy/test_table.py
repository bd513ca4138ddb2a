import numpy as np
import pytest

import hiera_compiler as hc
from hiera_search.accuracy import Features, estimator, features, read_rows, tied
from hiera_search.accuracy.rungs.table import PaperTable, published_rows

MODELS = ("hiera_t", "hiera_s", "hiera_b", "hiera_b_plus", "hiera_l", "hiera_h")
# Hiera, Table 8, typed a second time.
TOP1 = np.array([82.8, 83.8, 84.5, 85.2, 86.1, 86.9])


@pytest.fixture(scope="module")
def table() -> PaperTable:
    found = estimator("table")
    assert isinstance(found, PaperTable)
    return found


@pytest.fixture(scope="module")
def published() -> Features:
    return features([hc.compile(name) for name in MODELS])


def test_published_points_are_those_of_table_8() -> None:
    rows = published_rows()
    assert [one.spec.name for one in rows.compilations] == list(MODELS)
    assert rows.metric.tolist() == TOP1.tolist()


def test_capacity_is_depth_times_channels(published: Features) -> None:
    hiera_b = 2 * 96 + 3 * 192 + 16 * 384 + 3 * 768
    assert published.capacity[2] == hiera_b == 9216
    assert published.size is not None
    assert set(published.size.tolist()) == {224}


def designs(published: Features) -> list[tuple[np.ndarray, float]]:
    """Every form's design matrix without its constant, written a second time, with the ridge's penalty."""
    capacity, macs, params = (
        np.log(values.astype(float)) for values in (published.capacity, published.macs, published.params)
    )
    return [
        (np.stack([capacity, capacity**2], 1), 0.0),
        (np.stack([capacity], 1), 0.0),
        (np.stack([capacity, macs, params], 1), 1.0),
        (np.stack([macs], 1), 0.0),
        (np.stack([published.capacity**-0.5], 1), 0.0),
        (np.stack([published.macs**-0.5], 1), 0.0),
    ]


def predicted(design: np.ndarray, penalty: float, train: np.ndarray, row: int) -> float:
    """A ridge regression by its normal equations; a parabola is followed by its tangent outside of its rows."""
    known = design[train]
    middle, spread = known.mean(0), known.std(0)
    x, target = (known - middle) / spread, TOP1[train]
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (target - target.mean()))
    at = design[row].copy()
    if design.shape[1] == 2:
        inside = np.clip(at[0], known[:, 0].min(), known[:, 0].max())
        at[1] = inside**2 + 2 * inside * (at[0] - inside)
    return float(target.mean() + ((at - middle) / spread) @ weights)


def leave_one_out(form: tuple[np.ndarray, float], rows: list[int]) -> float:
    errors = [TOP1[row] - predicted(*form, np.array([other for other in rows if other != row]), row) for row in rows]
    return float(np.abs(errors).mean())


def test_error_on_a_model_left_out_is_what_an_independent_computation_gives(
    table: PaperTable, published: Features
) -> None:
    forms = designs(published)
    everything = list(range(6))
    chosen = min(forms, key=lambda form: leave_one_out(form, everything))
    assert chosen is forms[4]
    assert table.fit.form.title == "a power law, capacity to the -1/2"
    unseen = []
    for row in everything:
        others = [other for other in everything if other != row]
        best = min(forms, key=lambda form: leave_one_out(form, others))
        unseen.append(predicted(*best, np.array(others), row))
    np.testing.assert_allclose(table.fit.unseen, unseen, atol=1e-6)
    assert table.fit.error == pytest.approx(np.abs(TOP1 - unseen).mean(), abs=1e-6)


def test_error_meets_the_goal_and_beats_a_line_in_log_macs(table: PaperTable, published: Features) -> None:
    assert leave_one_out(designs(published)[3], list(range(6))) == pytest.approx(0.59, abs=0.005)
    assert table.fit.error < 0.3


def test_band_holds_every_published_model_though_unseen(table: PaperTable, published: Features) -> None:
    scores = table.score(published)
    assert (np.abs(TOP1 - table.fit.unseen) <= table.fit.half_width).all()
    assert (scores.low <= TOP1).all()
    assert (scores.high >= TOP1).all()
    assert 0.5 < (scores.value - scores.low).max() < 1.0


def changed(*settings: str) -> Features:
    return features([hc.compile("hiera_b", settings)])


def test_published_models_are_within_reach_and_only_what_is_alike(table: PaperTable, published: Features) -> None:
    assert not table.score(published).extrapolated.any()
    assert not table.score(changed("stages.2.depth=18")).extrapolated.any()
    beyond = [
        features([hc.compile("hiera_t", ["stages.2.depth=6"])]),  # just below the smallest
        changed("mlp_ratio=2"),
        changed("stages.2.depth=300"),
        changed("stages.2.depth=1", "stages.3.depth=1"),
        # Its capacity and its MACs are each within those of the six models, but far from their line.
        changed("stages.3.depth=20", "mlp_ratio=1"),
        features([hc.compile("hiera_b_16x224")]),
    ]
    for one in beyond:
        assert table.score(one).extrapolated.all()


def test_another_input_size_is_extrapolated_even_where_costs_are_alike(table: PaperTable) -> None:
    assert table.score(changed("input.size=256")).extrapolated.all()


def test_bands_widen_with_the_distance_from_the_published_models(table: PaperTable, published: Features) -> None:
    near, far = table.score(published), table.score(changed("stages.3.depth=20"))
    assert (far.value - far.low)[0] > 2 * (near.value - near.low).max()


def test_smaller_inputs_score_lower_at_equal_capacity(table: PaperTable) -> None:
    scores = [float(table.score(changed(f"input.size={size}")).value[0]) for size in (160, 224, 288)]
    assert scores == sorted(scores)
    assert scores[0] < scores[2]


def test_no_score_exceeds_a_hundred(table: PaperTable) -> None:
    huge = np.array([10**15], np.int64)
    scores = table.score(Features(huge, huge, huge))
    assert scores.value[0] <= 100
    assert scores.high[0] <= 100


def test_refused_candidates_without_figures_score_finitely(table: PaperTable) -> None:
    nothing = np.zeros(2, np.int64)
    scores = table.score(Features(nothing, nothing, nothing, nothing))
    assert np.isfinite(scores.value).all()
    assert scores.extrapolated.all()


def test_resolution_tells_published_neighbours_from_ties(table: PaperTable, published: Features) -> None:
    scores = table.score(published)
    assert 0.3 < scores.resolution < 1.0
    assert tied(scores, 2, 3)  # B and B+, by what the fit can know
    assert not tied(scores, 0, 2)
    assert tied(scores, np.array([0, 0]), np.array([0, 5])).tolist() == [True, False]


def test_bands_overlap_far_more_often_than_candidates_tie(table: PaperTable, published: Features) -> None:
    scores = table.score(published)
    first, second = np.triu_indices(6, 1)
    overlap = (scores.low[first] <= scores.high[second]) & (scores.low[second] <= scores.high[first])
    assert overlap.sum() > tied(scores, first, second).sum()


def test_own_rows_of_the_recipe_are_added_and_others_left_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("rows") / "own.csv"
    file.write_text("spec,set,metric,recipe\nhiera_b,stages.2.depth=18,84.7,\nhiera_b,,84.0,supervised\n")
    found = estimator("table", file)
    assert isinstance(found, PaperTable)
    assert len(found.rows) == 7
    assert found.note.endswith("; rows of other recipes left out: 1")


def test_own_row_of_a_published_model_counts_instead_of_the_papers(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("rows") / "own.csv"
    file.write_text("spec,metric\nhiera_b,84.9\n")
    found = PaperTable.of(read_rows(file))
    assert len(found.rows) == 6
    assert 84.5 not in found.rows.metric
    assert 84.9 in found.rows.metric


def test_a_published_model_is_ranked_as_if_it_had_not_been_seen(table: PaperTable) -> None:
    np.testing.assert_array_equal(table.rank(published_rows()), table.fit.unseen)
