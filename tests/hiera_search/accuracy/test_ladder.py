import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

import hiera_compiler as hc
from hiera_search.accuracy import Features, Scores, discovery, estimator, ladder, tied


def some(capacity: list[int], size: list[int] | None = None) -> Features:
    values = np.array(capacity, np.int64)
    return Features(values, values, values, None if size is None else np.array(size, np.int64))


def test_capacity_is_the_default_and_says_that_it_is_no_accuracy() -> None:
    found = estimator()
    assert (found.rung, found.unit, found.is_accuracy) == ("capacity", "size score", False)
    assert "a size score, not an accuracy" in found.note


def test_capacity_is_exact() -> None:
    scores = estimator().score(some([9216, 4704]))
    assert scores.value.tolist() == scores.low.tolist() == scores.high.tolist() == [9216.0, 4704.0]
    assert scores.resolution == 0.0
    assert not scores.extrapolated.any()
    assert tied(scores, 0, 0)
    assert not tied(scores, 0, 1)


def test_capacity_counts_inputs_in_proportion_to_their_side() -> None:
    assert estimator().score(some([9216, 9216, 9216], [112, 224, 448])).value.tolist() == [4608.0, 9216.0, 18432.0]


def test_every_rung_has_a_unit_and_a_note() -> None:
    assert list(ladder())[:3] == ["capacity", "fitted", "table"]
    for name, rung in ladder().items():
        if not rung.needs_rows:
            found = rung.of(None)
            assert found.rung == name
            assert found.unit
            assert found.note


@pytest.mark.parametrize(
    ("name", "rows", "code", "text"),
    [
        ("tabel", None, "H650", "did you mean table?"),
        ("proxy:sinflow", None, "H650", "did you mean proxy:synflow?"),
        ("fitted", None, "H651", "--rows FILE.csv"),
        ("capacity", Path("rows.csv"), "H652", "--accuracy fitted or table"),
        (None, Path("absent.csv"), "H640", "CSV"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(name: str | None, rows: Path | None, code: str, text: str) -> None:
    with pytest.raises(hc.SpecError) as caught:
        estimator(name, rows)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert text in (found.help or "")


def test_scores_are_taken_and_joined_in_order() -> None:
    scores = Scores(np.arange(3.0), np.arange(3.0) - 1, np.arange(3.0) + 1, np.array([True, False, True]), 0.5)
    both = scores.take(np.array([2, 0])).join(scores.take(np.array([False, True, False])))
    assert both.value.tolist() == [2.0, 0.0, 1.0]
    assert both.low.tolist() == [1.0, -1.0, 0.0]
    assert both.high.tolist() == [3.0, 1.0, 2.0]
    assert both.extrapolated.tolist() == [True, True, False]
    assert both.resolution == 0.5
    assert len(both) == 3


def test_an_estimator_of_another_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "other_estimators"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "mine.py").write_text(
        "from hiera_search.accuracy.rungs.capacity import Capacity\n\n\nclass Mine(Capacity):\n    rung = 'mine'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    declare(monkeypatch, "other_estimators")
    assert estimator("mine").rung == "mine"


@pytest.mark.parametrize("module", ["not_there_at_all", "json.decoder"])
def test_a_package_that_cannot_be_imported_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, module)
    with pytest.raises(hc.SpecError) as caught:
        discovery.ladder()
    assert [one.code for one in caught.value.diagnostics] == ["H654"]


def test_a_name_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, "hiera_search.accuracy.rungs")
    with pytest.raises(hc.SpecError, match="the name capacity is taken"):
        discovery.ladder()


def declare(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    entry = EntryPoint("mine", module, "hiera_search.accuracy")
    monkeypatch.setattr(discovery, "entry_points", lambda group: [entry])
    # Without its cache, which holds the list without this package.
    monkeypatch.setattr(discovery, "ladder", discovery.ladder.__wrapped__)


def test_estimating_imports_neither_torch_nor_optuna() -> None:
    program = "import sys; from hiera_search.accuracy import estimator; estimator('table'); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "optuna", "scipy"} & set(found)
