from __future__ import annotations

import json
import os
import re
import signal
import time
from fnmatch import fnmatch
from pathlib import Path

import pytest

import hiera_compiler as hc
from hiera_cli.exits import BAD_USAGE, INTERRUPTED, NOTHING_FITS, PROBLEMS
from tests.hiera_cli.conftest import Hiera

DOC = Path(__file__).parents[2] / "docs" / "search.md"
SPACE = """
extends: hiera_t
name: tiny
stages:
  0: {depth: {range: [1, 2]}}
  2: {depth: {range: [4, 9]}}
  3: {depth: {range: [1, 3]}}
mlp_ratio: {choose: [2, 3, 4]}
"""


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SPACE)
    return "tiny.yaml"


def test_search_prints_the_contract(hiera: Hiera, space: str) -> None:
    result = hiera("search", space, "--budget-ms", "1.0", "--json")
    assert result.code == 0, result.err
    data = json.loads(result.out)
    assert data["space"] == {"points": 108, "lawful": 108, "exact": True}
    assert data["budgets"] == {"latency_ms": 1.0}
    assert data["evaluated"] == 108
    keys = {
        *("name", "spec", "hash", "params", "macs", "latency_ms", "latency_low", "latency_high", "throughput"),
        *("accuracy", "accuracy_rung", "accuracy_low", "accuracy_high"),
    }
    assert data["front"]
    for one in data["front"]:
        assert keys <= one.keys()
        assert one["latency_low"] < one["latency_ms"] <= 1.0
        assert one["latency_ms"] < one["latency_high"]
        assert one["throughput"] == pytest.approx(1000 / one["latency_ms"])


def test_the_first_line_says_what_time_and_what_score_is_meant(hiera: Hiera, space: str) -> None:
    result = hiera("search", space, "--batch", "8", "--device", "rtx-4090")
    line = " ".join(result.out.split("\n\n")[0].split())
    for word in ("batch of 8", "rtx-4090", "compiled-half", "fp16", "not an accuracy"):
        assert word in line


def test_winners_build_as_they_were_found(hiera: Hiera, space: str) -> None:
    assert hiera("search", space, "--budget-gmacs", "4.5", "-o", "found").code == 0
    front = json.loads(Path("found/front.json").read_text())["front"]
    compilation = hc.compile("found/best.yaml")
    assert compilation.spec.hash == front[0]["hash"]
    assert compilation.cost.macs == front[0]["macs"] <= 4.5e9
    assert hiera("check", "found/best.yaml").code == 0


def test_nothing_that_fits_is_exit_code_3_and_names_limit_and_nearest(hiera: Hiera, space: str) -> None:
    result = hiera("search", space, "--budget-ms", "0.001", "--budget-gmacs", "4.5", "--json")
    assert result.code == NOTHING_FITS
    assert json.loads(result.out)["front"] == []
    assert "error[H630]: no candidate meets the budget: at most 0.001 ms" in result.err
    assert "refuses 100 % of 108 candidates" in result.err
    assert "the nearest has" in result.err


def test_resume_takes_the_folders_search_with_what_is_given_now(hiera: Hiera, space: str) -> None:
    assert hiera("search", space, "--budget-ms", "1.0", "--device", "l4", "-o", "found").code == 0
    result = hiera("search", "--resume", "found", "-o", "found", "--budget-ms", "4", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["budgets"] == {"latency_ms": 4.0}
    kept = json.loads(Path("found/front.json").read_text())
    assert kept["regime"]["device"] == "l4"
    assert kept["budgets"] == {"latency_ms": 4.0}


def test_a_folder_without_a_search_cannot_be_resumed(hiera: Hiera, space: str) -> None:
    result = hiera("search", "--resume", "nowhere")
    assert result.code == PROBLEMS
    assert "error[H622]" in result.err


def test_ctrl_c_keeps_what_is_found_and_says_how_to_go_on(
    hiera: Hiera, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hiera_search.explore import search as searching

    def stop(self: object, *rest: object) -> None:
        self.sieve.put(next(searching.enumeration.all_choices(self.space))[:50])  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(searching.Search, "_enumerate", stop)
        result = hiera("search", space, "-o", "my found")
    assert result.code == INTERRUPTED
    assert "hiera search --resume 'my found'" in result.err
    assert json.loads(Path("my found/front.json").read_text())["evaluated"] == 50
    resumed = hiera("search", "--resume", "my found", "--json")
    assert json.loads(resumed.out)["space"]["exact"] is True
    assert json.loads(resumed.out)["evaluated"] == 108


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--device", "a100-40g"], "H501"),
        (["--regime", "compiled-haf"], "H620"),
        (["--min-accuracy", "84"], "H621"),
        (["--budget-ms", "-1"], "H623"),
        (["--budget-ms", "nan"], "H623"),
        (["--budget-gmacs", "0"], "H623"),
        (["--min-throughput", "1e30"], "H623"),
        (["--risk", "0.7"], "H623"),
    ],
)
def test_what_means_nothing_is_one_diagnostic(hiera: Hiera, space: str, arguments: list[str], code: str) -> None:
    result = hiera("search", space, *arguments)
    assert result.code == PROBLEMS
    assert result.err.count("error[") == 1
    assert f"error[{code}]" in result.err
    assert not Path("build").exists()


def test_the_engine_of_optuna_obeys_the_same_budget(hiera: Hiera, space: str) -> None:
    arguments = ("--engine", "optuna", "--sampler", "nsga2", "--candidates", "60", "--budget-ms", "1.0", "--json")
    result = hiera("search", space, *arguments)
    assert result.code == 0, result.err
    data = json.loads(result.out)
    assert data["evaluated"] <= 60
    assert data["space"]["exact"] is False
    assert all(one["latency_ms"] <= 1.0 for one in data["front"])


@pytest.mark.slow
def test_finalists_are_measured_here_beside_their_prediction(hiera: Hiera, space: str) -> None:
    result = hiera("search", space, "--set", "input.size=64", "--measure", "2", "-o", "found")
    assert result.code == 0, result.err
    front = json.loads(Path("found/front.json").read_text())
    assert front["regime"]["measured_on"].startswith("cpu, eager float32")
    measured = [one["measured"] for one in front["front"]]
    assert all(one is not None and one["low"] <= one["latency_ms"] <= one["high"] for one in measured[:2])
    assert measured[2:] == [None] * len(measured[2:])


def test_a_resumed_search_writes_to_its_own_folder_alone(hiera: Hiera, space: str) -> None:
    result = hiera("search", "--resume", "found", "-o", "other")
    assert result.code == BAD_USAGE
    assert "other is not the folder that --resume names" in result.err


def test_a_file_in_the_place_of_the_folder_is_said_before_anything_is_searched(hiera: Hiera, space: str) -> None:
    result = hiera("search", space, "-o", space)
    assert result.code == PROBLEMS
    assert "error[H695]: 'tiny.yaml' is a file" in result.err


def test_ctrl_c_while_measuring_keeps_what_was_measured(
    hiera: Hiera, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hiera_search.ledger import evaluations

    def evaluate(task: evaluations.Task) -> dict[str, float]:
        if task.candidate.name in measured:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        measured.append(task.candidate.name)
        measured.append(next(one["name"] for one in json.loads(Path("found/front.json").read_text())["front"][1:]))
        return {"latency_ms": 7.0, "latency_low": 6.0, "latency_high": 8.0}

    measured: list[str] = []
    # A shell's background jobs ignore Ctrl-C, and so would this test in one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(evaluations, "evaluate", evaluate)
            result = hiera("search", space, "--measure", "3", "-o", "found")
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.code == INTERRUPTED
    assert "hiera search --resume found" in result.err
    assert "other winner" in result.out
    front = json.loads(Path("found/front.json").read_text())["front"]
    assert [one["measured"] and one["measured"]["latency_ms"] for one in front[:3]] == [7.0, None, None]


def test_the_reader_is_told_which_holes_the_score_does_not_see(hiera: Hiera, space: str) -> None:
    hiera("search", space, "-o", "found")
    note = json.loads(Path("found/front.json").read_text())["note"]
    assert note.endswith("it does not see mlp_ratio, chosen for cost alone")


def test_the_files_of_a_search_are_those_of_the_documentation(hiera: Hiera, space: str) -> None:
    text = DOC.read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.split("| file |")[1].split("\n\n")[0].splitlines()[2:]]
    known = [name.replace("NAME", "*") for row in rows for name in re.findall("`(.*?)`", row)]
    assert hiera("search", space, "-o", "found").code == 0
    files = {file.name: file for file in Path("found").iterdir()}
    assert [name for name in files if not any(fnmatch(name, one) for one in known)] == []
    assert [one for one in known if not any(fnmatch(name, one) for name in files)] == []
    assert len({file.stat().st_mode for file in files.values()}) == 1, "all may be read by the same"


def test_a_small_space_is_not_searched_further_than_was_asked_for(hiera: Hiera, space: str) -> None:
    data = json.loads(hiera("search", space, "--candidates", "20", "--json").out)
    assert data["evaluated"] == 20
    assert data["space"]["exact"] is False
    assert json.loads(hiera("search", space, "--candidates", "108", "-o", "all", "--json").out)["space"]["exact"]


def test_winners_of_a_space_with_a_long_name_are_specs_too(hiera: Hiera, space: str) -> None:
    Path(space).write_text(SPACE.replace("tiny", "n" * 100))
    assert hiera("search", space, "-o", "found", "--top", "3").code == 0
    front = json.loads(Path("found/front.json").read_text())["front"][:3]
    assert [hc.compile(Path("found") / one["file"]).spec.name for one in front] == [one["name"] for one in front]
    assert front[1]["file"] == f"{front[1]['name']}.yaml"
    assert front[1]["name"].endswith(front[1]["hash"][:8])
