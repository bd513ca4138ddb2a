import json
from pathlib import Path
from typing import Any

import pytest

from hiera_compiler import bundled_specs

TWO_PROBLEMS = "extends: hiera_t\nname: two\nmlp_ration: 4\nstages: {0: {heads: zero}}\n"
UNIT_TOO_SMALL = "extends: hiera_t\nname: unit\nmask_unit: 4\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(TWO_PROBLEMS)
    Path("unit.yaml").write_text(UNIT_TOO_SMALL)
    return tmp_path


def test_every_bundled_spec_passes(hiera: Any) -> None:
    done = hiera("check", *bundled_specs())
    assert (done.code, done.out, done.err) == (0, "", f"{len(bundled_specs())} specs pass\n")


def test_all_problems_of_all_specs_are_shown_at_once(hiera: Any) -> None:
    done = hiera("check", "two.yaml", "hiera_b", "unit.yaml", "nope")
    assert (done.code, done.out) == (1, "")
    heads = [line for line in done.err.splitlines() if line.startswith("error[")]
    assert sorted(head[6:10] for head in heads) == ["H001", "H101", "H103", "H301"]
    assert done.err.endswith("3 of 4 specs have problems\n")


def test_what_passes_has_a_graph(hiera: Any) -> None:
    # The form of this one is right, and so is each number; only together they do not fit.
    done = hiera("check", "unit.yaml")
    assert done.code == 1
    assert "error[H301]" in done.err
    assert done.err.endswith("\n1 spec has problems\n")


def test_json_says_which_specs_pass_and_what_is_wrong(hiera: Any) -> None:
    done = hiera("check", "hiera_b", "two.yaml", "--json")
    assert done.code == 1
    found = json.loads(done.out)
    assert found["specs"] == [{"spec": "hiera_b", "passes": True}, {"spec": "two.yaml", "passes": False}]
    assert [(item["code"], item["file"], item["line"]) for item in found["diagnostics"]] == [
        ("H101", "two.yaml", 3),
        ("H103", "two.yaml", 4),
    ]
    assert done.err == "1 of 2 specs has problems\n"
    assert hiera("check", "hiera_b", "two.yaml", "--format", "json").out == done.out


def test_github_gets_one_command_a_problem(hiera: Any) -> None:
    done = hiera("check", "two.yaml", "--format", "github")
    assert done.code == 1
    assert [line.split("::")[1].split(",")[0] for line in done.out.splitlines()] == ["error file=two.yaml"] * 2
    assert hiera("check", "hiera_b", "--format", "github").out == ""


def test_settings_hold_for_every_spec_and_a_bad_one_is_said_once(hiera: Any) -> None:
    assert hiera("check", "hiera_b", "hiera_l", "--set", "stages.2.depth=3").code == 0
    done = hiera("check", "hiera_b", "hiera_l", "--set", "stages.2.depth=-3")
    assert done.code == 1
    assert done.err.count("error[H104]: depth is -3 and must be at least 1") == 1
    assert done.err.endswith("2 of 2 specs have problems\n")
