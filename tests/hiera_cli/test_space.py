"""`hiera space`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

SPACE = """
extends: hiera_b
name: tiny
let: {width: {choose: [64, 96]}, head: {choose: [32, 48]}}
stages:
  0: {depth: {range: [1, 3]}, channels: {tie: width}, heads: {tie: width, over: head}}
"""


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE)
    monkeypatch.chdir(tmp_path)


def test_the_first_line_says_what_times_are_of(hiera: Any) -> None:
    done = hiera("space", "tiny.yaml")
    assert done.code == 0
    assert done.out.startswith("time of one batch of 1 on a100-40gb, compiled-half (fp16, ")
    assert done.out == hiera("space", "./tiny.yaml", "--seed", "3").out


def test_points_refusals_and_costs_are_shown(hiera: Any) -> None:
    out = hiera("space", "tiny.yaml", "--device", "a100-40gb", "--batch", "4", "--regime", "eager").out
    assert "time of one batch of 4 on a100-40gb, eager-half" in out
    assert "tiny: 12 points of 3 holes; 9 of them, 75.0 %, are lawful" in out
    assert re.search(r"^H612 +25\.0 %  A tie of whole numbers does not come out whole$", out, re.MULTILINE)
    rows = {line.split("  ")[0]: line.split()[-3:] for line in out.splitlines() if re.match(r"[a-zG]", line)}
    for name in ("params M", "GMACs", "GFLOPs", "memory MB", "ms a batch", "score (capacity)"):
        least, median, most = map(float, rows[name])
        assert 0 < least <= median <= most


def test_json_says_the_same_exactly(hiera: Any) -> None:
    found = json.loads(hiera("space", "tiny.yaml", "--json", "--budget-mparams", "50").out)
    assert found["space"]["points"] == found["seen"] == 12
    assert found["space"]["holes"]["width"] == [64, 96]
    assert found["exact"] is True
    assert found["lawful"] == 9
    assert found["refused"] == {"H612": {"count": 3, "title": "A tie of whole numbers does not come out whole."}}
    assert found["budgets"] == {"mparams": 50}
    assert 0 <= found["fitting"] == 9 - found["over"]["mparams"]
    assert found["regime"]["regime"] == "compiled-half"
    assert set(found["costs"]["macs"]) == {"least", "median", "most"}


def test_a_budget_that_can_be_met_says_by_how_many(hiera: Any) -> None:
    done = hiera("space", "tiny.yaml", "--budget-ms", "1000", "--budget-gmacs", "9.3")
    assert done.code == 0
    last = done.out.split("\n\n")[-2:]
    assert re.match(r"at most 1000 ms a batch and at most 9.3 GMACs .*: \d+\.\d % of the lawful points fit", last[0])
    assert "at most 1000 ms a batch alone refuses 0.0 %" in last[1]


def test_a_budget_that_cannot_be_met_ends_with_3_and_says_which(hiera: Any) -> None:
    done = hiera("space", "tiny.yaml", "--budget-ms", "0.001")
    assert done.code == 3
    assert "no point fits" in done.out
    assert "at most 0.001 ms a batch alone refuses 100.0 %" in done.out


def test_of_a_sample_only_a_bound_is_told(hiera: Any) -> None:
    settings = [f"--set=stages.{index}.depth={{range: [1, 240]}}" for index in range(4)]
    done = hiera("space", "tiny.yaml", *settings, "--candidates", "300", "--budget-ms", "0.001")
    assert done.code == 0
    assert "of 300 points drawn at random (seed 0)" in done.out
    assert re.search(r"none of the \d+ lawful points drawn fits; fewer than 1\.\d % do", done.out.replace("\n", " "))


def test_a_setting_closes_a_hole(hiera: Any) -> None:
    assert "tiny: 6 points of 2 holes" in hiera("space", "tiny.yaml", "--set", "let.width=96").out
    assert "hiera_b: 1 point of 0 holes" in hiera("space", "hiera_b").out


def test_a_broken_space_is_told_and_not_priced(hiera: Any) -> None:
    done = hiera("space", "tiny.yaml", "--set", "stages.0.depth={choose: []}")
    assert done.code == 1
    assert "error[H601]: choose takes a list of options" in done.err
    assert done.out == ""


def test_a_misspelt_name_of_a_space_gets_a_suggestion(hiera: Any) -> None:
    assert "did you mean 'hiera_small'?" in hiera("space", "hiera_smal").err


def test_a_risk_is_told_of_limits_of_time_alone(hiera: Any) -> None:
    assert "risk" not in hiera("space", "tiny.yaml", "--budget-gmacs", "9.3").out
    assert "(risk 0.1 that the time is exceeded)" in hiera("space", "tiny.yaml", "--min-throughput", "1").out


def test_no_more_points_are_looked_at_than_were_asked_for(hiera: Any) -> None:
    found = json.loads(hiera("space", "tiny.yaml", "--candidates", "7", "--json").out)
    assert (found["exact"], found["seen"]) == (False, 7)


def test_rules_are_broken_into_lines_of_a_narrow_terminal(hiera: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from hiera_cli import space_tables

    monkeypatch.setattr(space_tables, "room", lambda: 60)
    out = hiera("space", "tiny.yaml").out
    assert "H612        25.0 %  A tie of whole numbers does not come\n" + 20 * " " + "out whole\n" in out
    assert max(map(len, out.splitlines())) <= 60
