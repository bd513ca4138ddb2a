"""`hiera worker`: what it says, what it prints for programs, and how it ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hiera_search.ledger import Candidate, Job, enqueue, open_study

COMMAND = """\
import sys
import typer
from hiera_cli.exits import ended_by
from hiera_cli.worker import worker

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(worker)
try:
    code = app(sys.argv[1:], standalone_mode=False)
except BaseException as error:
    code = ended_by(error, "--json" in sys.argv)
sys.exit(code or 0)
"""


def asked(folder: Path, evaluation: str, count: int = 2) -> None:
    """A study in which some trials wait."""
    named = [Candidate(f"n{index}", {"name": f"n{index}"}, f"{index:064x}", 0.0) for index in range(count)]
    enqueue(open_study(folder), named, Job(evaluation))


def run(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", COMMAND, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_worker_says_what_it_did_and_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "my study"
    asked(folder, "dream")
    code, out, err = run("--storage", str(folder), "--idle-exit", "0", "--json")
    assert code == 0
    assert json.loads(out) == {
        "storage": str(folder),
        "study": "search",
        "finished": 0,
        "failed": 0,
        "taken_over": 0,
        "waiting": 2,
        "running": 0,
        "unable": {"no evaluation is named 'dream'": 2},
        "stopped": False,
    }
    assert err.splitlines() == [
        "0 trials finished, 2 waiting, 0 with other workers",
        "2 cannot be evaluated here: no evaluation is named 'dream'",
        f"to go on: hiera worker --storage '{folder}'",
    ]


def test_a_candidate_that_cannot_be_measured_is_failed_with_its_diagnostic(tmp_path: Path) -> None:
    asked(tmp_path, "measure", 1)
    code, _, err = run("--storage", str(tmp_path), "--max-trials", "1")
    assert code == 0
    assert "trial 0: n0 failed: H1" in err
    assert "0 trials finished, 1 failed, 0 waiting" in err
    assert "Traceback" not in err


def test_a_study_that_is_not_there_ends_with_a_diagnostic(tmp_path: Path) -> None:
    asked(tmp_path, "measure", 0)
    code, _, err = run("--storage", str(tmp_path), "--study", "serch")
    assert code == 1
    assert "H668" in err
    assert "did you mean 'search'?" in err


def test_sqlite_is_refused_with_the_reason() -> None:
    code, _, err = run("--storage", "sqlite:///study.db")
    assert code == 1
    assert "H661" in err


def test_a_repaired_journal_is_told_as_a_warning(tmp_path: Path) -> None:
    asked(tmp_path, "dream")
    with (tmp_path / "study.journal").open("a") as file:
        file.write('{"op_code":4,"wor')
    code, _, err = run("--storage", str(tmp_path), "--idle-exit", "0")
    assert code == 0
    assert "warning[H674]" in err


def test_a_stopped_worker_ends_as_shells_expect_it(tmp_path: Path) -> None:
    asked(tmp_path, "dream")
    command = [sys.executable, "-c", COMMAND, "--storage", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.5)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert f"to go on: hiera worker --storage {tmp_path}" in err
