import json
from pathlib import Path
from typing import Any

import pytest

from hiera_compiler.estimate import published


def test_every_figure_of_our_specs_is_the_papers(hiera: Any) -> None:
    done = hiera("reproduce", "--json")
    found = json.loads(done.out)
    assert (done.code, found["agrees"]) == (0, True)
    rows = {table["table"]: table["rows"] for table in found["tables"]}
    assert list(rows) == [2, 4, 6, 7, 8, 10]
    known = {number: [row for row in several if row["agrees"]] for number, several in rows.items()}
    unexplained = [row for several in rows.values() for row in several if not row["agrees"] and not row["note"]]
    assert unexplained == []
    assert not [row for several in known.values() for row in several if row["note"]]
    (large,) = [row for row in known[6] if row["model"] == "hiera_l_32x224"]
    assert large["paper"] == {"mparams": 213, "gmacs": 1029}
    assert round(large["macs"] / 1e9) == 1029
    off = {row["model"]: row["error"] for row in rows[7] if not row["agrees"]}
    assert off["hiera_h_16x224"] == {"mparams": 0, "gmacs": 1}
    assert [row["model"] for row in known[7]] == ["vit_l_16x224", "hiera_l_16x224", "vit_h_16x224"]


def test_tables_show_both_figures_and_one_line_that_sums_up(hiera: Any) -> None:
    first = hiera("reproduce").out.split("\n\n")[0].splitlines()
    assert first[0] == "Table 2: Hiera variants, images of 224×224"
    assert first[3].split() == ["hiera_t", "27.91", "28", "0", "4.91", "5", "0"]
    assert first[-1] == "6 of 6 rows equal the paper's, rounded as there"


def test_a_detector_s_figures_are_those_of_backbone_neck_and_heads(hiera: Any) -> None:
    found = json.loads(hiera("reproduce", "--json").out)["tables"][-1]
    assert "19.45 M" in found["about_the_rest"]
    for row in found["rows"]:
        assert row["rest"]["mparams"] == pytest.approx(19.45, abs=0.5 if row["agrees"] else 1.6)
        assert 182 <= row["rest"]["gmacs"] <= 335  # the paper's are rounded to 100
    out = hiera("reproduce").out
    assert "\nnot equal: detection/hiera_b_plus, detection/hiera_l: the backbone is not published" in out
    (line,) = [line for line in out.splitlines() if line.startswith("detection/hiera_b  ")]
    assert line.split() == ["detection/hiera_b", "53.49", "73", "19.5", "296.83", "600", "303.2"]
    assert "\nwith the rest added, 6 of 9 rows equal the paper's" in out


def test_what_a_table_has_beside_the_models_is_added_before_rounding() -> None:
    rest = published.Rest(params=19_400_000, macs=(230 * 10**9, 285 * 10**9))
    row = published.PublishedRow("some", (), gmacs=600, mparams=73, step=100, rest=rest)
    assert row.errors(53_500_000, 300 * 10**9) == (0, 0)
    assert row.errors(53_500_000, 270 * 10**9) == (0, 0)
    assert row.errors(54_500_000, 200 * 10**9) == (1, -100)
    assert row.errors(53_500_000, 450 * 10**9) == (0, 100)


def test_models_without_a_spec_are_listed_as_missing(
    hiera: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = tmp_path / "paper.yaml"
    paper.write_text("table_2: {title: Some, rows: [{model: nobodys, gmacs: 5, mparams: 27}]}")
    monkeypatch.setattr(published, "_FILE", paper)
    (row,) = json.loads(hiera("reproduce", "--json").out)["tables"][0]["rows"]
    assert (row["model"], row["agrees"]) == ("nobodys", None)
    assert "missing, for want of a spec: nobodys" in hiera("reproduce").out


def test_a_figure_that_is_off_ends_with_1(hiera: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "paper.yaml"
    wrong.write_text("table_2: {title: Some, rows: [{model: hiera_t, gmacs: 5, mparams: 27}]}")
    monkeypatch.setattr(published, "_FILE", wrong)
    done = hiera("reproduce")
    assert done.code == 1
    assert done.out.splitlines()[3].split() == ["hiera_t", "27.91", "27", "+1", "4.91", "5", "0"]
    assert "\n0 of 1 rows equal the paper's, rounded as there\n" in done.out


def test_rows_say_what_they_change_in_their_spec(hiera: Any) -> None:
    tables = {part.split(":")[0]: part.splitlines() for part in hiera("reproduce").out.split("\n\n")}
    assert tables["Table 6"][1].split()[-1] == "with"
    changes = [line.split("  ")[-1].strip() for line in tables["Table 6"] if line.startswith("vit_l_16x224")]
    assert changes == ["classes 174, class_token true", "classes 174", "frames 32, classes 174"]
    (large,) = [line for line in tables["Table 8"] if line.startswith("swin_l")]
    assert large.endswith("  window 14")
    assert not any("with" in line for line in tables["Table 2"])
    assert "mvitv2_l_supervised on clips is the paper's cut-down MViTv2" in tables["Table 1"][-1]


def test_reasons_stand_below_the_rows_that_differ_or_are_not_there(hiera: Any) -> None:
    out = hiera("reproduce").out
    assert "\nnot equal: vit_l_16x224, vit_h_16x224: the paper repeats VideoMAE's figures" in out
    assert "\nnot covered: mcmae_b, mcmae_l: stages of masked convolutions" in out


def test_throughput_of_an_a100_stands_beside_the_papers(hiera: Any) -> None:
    out = hiera("reproduce").out
    for number in (1, 16, 17):
        assert f"Table {number}: throughput on an A100 40 GB" in out
    assert "held-out rows" not in out
    (row,) = [line for line in out.splitlines() if line.startswith("hiera_b  ") and "images/s" in line]
    found = json.loads(hiera("reproduce", "--json").out)
    (same,) = [one for one in found["throughput"] if (one["table"], one["name"]) == ("table_17", "hiera_b")]
    assert row.split()[2:5] == ["1556.0", f"{same['predicted']:.1f}", f"{100 * same['error']:+.1f}"]
    assert "predictions" not in found


def test_models_without_a_graph_are_listed_with_their_counts_and_the_reason(hiera: Any) -> None:
    out = hiera("reproduce").out
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert lines["convnextv2_b"] == ["17", "images/s", "646.0", "88.72", "15.38"]
    assert lines["mcmae_b"] == ["17", "images/s", "1069.0"]
    assert "convnextv2_h: a convolutional network" in out
    assert "counted on timm" in out
    assert "missing" not in out


def test_predictions_come_with_errors_intervals_and_goals(hiera: Any) -> None:
    done = hiera("reproduce", "--predictions", "--json")
    found = json.loads(done.out)["predictions"]
    assert done.code == 0
    rows = {(row["table"], row["name"]): row for row in found["rows"]}
    assert {table for table, _ in rows} == {"table_1", "table_16", "table_17"}
    base = rows["table_17", "hiera_b"]
    assert base["published"] == 1556
    assert base["error"] == pytest.approx(base["predicted"] / 1556 - 1)
    assert base["low"] < base["predicted"] < base["high"]
    assert {row["name"] for row in found["unpredicted"]} >= {"convnextv2_b", "mcmae_b"}
    for one in found["summaries"]:
        assert one["met"] == (None if one["goal"] is None else one["mean"] <= one["goal"])
        assert one["fitted_on"]
    assert all(one["inside"] <= one["rows"] for one in found["coverages"])


def test_predictions_are_shown_with_one_line_for_each_held_out_group(hiera: Any) -> None:
    out = hiera("reproduce", "--predictions").out
    for number in (1, 16, 17):
        assert f"Table {number}: throughput on an A100 40 GB" in out
    line = next(line for line in out.splitlines() if line.startswith("A100 paper, Hiera images"))
    mean, worst, goal, verdict, fit = line.split()[-5:]
    assert float(mean) <= float(worst)
    assert verdict == ("met" if float(mean) <= float(goal) else "missed")
    assert f"fit {fit}: " in out


@pytest.mark.parametrize(("count", "error"), [(27_499_999, -1), (27_500_000, 0), (28_499_999, 0), (28_500_000, 1)])
def test_counts_are_rounded_as_people_round(count: int, error: int) -> None:
    row = published.PublishedRow("hiera_t", (), gmacs=5, mparams=28)
    assert row.errors(count, 5_000_000_000) == (error, 0)
