from pathlib import Path

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]  # it ships no types

import hiera_compiler as hc
from hiera_cli.validation import show_validation
from hiera_search.accuracy import Estimator, Features, Rows, Scores, estimators, read_rows, validate

DEPTHS = range(2, 26, 2)


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    random = np.random.default_rng(7)
    lines = [f"hiera_b,stages.2.depth={depth},{depth + 6 * random.normal():.3f}" for depth in DEPTHS]
    (tmp_path / "rows.csv").write_text("\n".join(["spec,set,metric", *lines]))
    return read_rows(tmp_path / "rows.csv")


class Oracle(Estimator):
    rung = "oracle"
    unit = note = ""

    def __init__(self, metric: np.ndarray) -> None:
        self.metric = metric

    @classmethod
    def of(cls, rows: Rows | None) -> "Oracle":
        assert rows is not None
        return cls(rows.metric)

    def score(self, features: Features) -> Scores:
        return Scores(self.metric, self.metric, self.metric, np.zeros(len(self.metric), bool))


def test_baseline_comes_first_and_only_once(rows: Rows) -> None:
    found = validate(estimators(["table", "capacity"], rows), rows)
    assert [one.rung for one in found] == ["capacity", "table"]
    tau = stats.kendalltau(np.array(DEPTHS), rows.metric).statistic
    assert found[0].tau == pytest.approx(tau)
    assert (found[0].gain, found[0].gain_low, found[0].gain_high) == (0.0, 0.0, 0.0)
    assert found[0].rows == 12


def test_an_estimator_that_knows_beats_the_baseline_and_a_reversed_one_does_not(rows: Rows) -> None:
    baseline, oracle = validate([Oracle(rows.metric)], rows)
    assert oracle.tau == 1.0
    assert oracle.gain == pytest.approx(1.0 - baseline.tau)
    assert oracle.beats_baseline
    assert oracle.concordance == 1.0
    reverse = validate([Oracle(-rows.metric)], rows)[1]
    assert reverse.tau == -1.0
    assert not reverse.beats_baseline


def test_a_fit_is_asked_for_each_row_as_if_it_had_not_seen_it(rows: Rows) -> None:
    (fitted,) = estimators(["fitted"], rows)
    found = validate([fitted], rows)[1]
    assert found.tau == pytest.approx(stats.kendalltau(fitted.rank(rows), rows.metric).statistic)
    assert not np.allclose(fitted.rank(rows), fitted.score(rows.features).value)


def test_all_estimators_that_the_rows_suffice_for_are_taken_without_names(tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    file.write_text("spec,metric\nhiera_t,1\nhiera_s,2\nhiera_b,3\n")
    assert [one.rung for one in estimators([], read_rows(file)) if not one.rung.startswith("proxy")] == [
        "capacity",
        "table",
    ]
    with pytest.raises(hc.SpecError, match="8 are needed"):
        estimators(["fitted"], read_rows(file))


def test_too_few_or_equal_rows_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    file.write_text("spec,metric\nhiera_t,1\nhiera_s,2\n")
    with pytest.raises(hc.SpecError, match="there are 2 rows, and 3 are needed"):
        validate([], read_rows(file))
    file.write_text("spec,metric\nhiera_t,1\nhiera_s,1\nhiera_b,1\n")
    with pytest.raises(hc.SpecError, match="all 3 rows have the metric 1"):
        validate([], read_rows(file))


def test_command_prints_every_estimator_beside_the_baseline(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    show_validation(Path(rows.name), ["table"])
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[0].split()) == "estimator rows tau 90 % rho gain 90 % beats it equal MACs pairs"
    assert [line.split()[0] for line in lines[2:4]] == ["capacity", "table"]
    assert "ImageNet-1K top-1 of images at 224 px" in lines[-1]


def test_command_gives_the_same_as_data(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    show_validation(Path(rows.name), ["table"], as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert [one["rung"] for one in found["estimators"]] == ["capacity", "table"]
    assert found["estimators"][1]["beats_baseline"] is False
