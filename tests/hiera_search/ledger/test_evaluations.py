"""Evaluations are found by name; specs in a ledger are data, and are checked like any other."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hiera_compiler as hc
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.source import read_text
from hiera_search.ledger import Candidate, Job, enqueue, evaluations, open_study, wait_for
from hiera_search.ledger.evaluations import Task, evaluate, unable

TINY = """\
name: tiny
input: {size: 32}
patch: {kernel: 7, stride: 4, padding: 3}
position: absolute
mask_unit: 2
stages:
  - {depth: 1, channels: 8, heads: 1, attention: mask_unit}
head: {classes: 5}
"""


def candidate(**changes: object) -> Candidate:
    spec = hc.Compilation(read_text(TINY, "tiny.yaml")).spec
    return Candidate(**{"name": "tiny", "spec": spec.data(), "hash": spec.hash, "score": 1.0, **changes})  # type: ignore[arg-type]


def test_ours_are_the_files_of_the_folder() -> None:
    folder = Path(evaluations.__file__).parent
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert files == evaluations.modules().keys() == {"measure", "proxy"}


def test_one_of_another_package_is_found_by_its_entry_point(nap: Callable[..., Job]) -> None:
    task = Task(Candidate("n", {}, "0", 0.0), nap())
    assert evaluate(task) == {"seconds": 0.0, "latency_ms": 2.0}
    assert unable(task) is None


def test_an_unknown_one_is_told_with_the_nearest() -> None:
    task = Task(Candidate("n", {}, "0", 0.0), Job("mesure"))
    with pytest.raises(SpecError, match=r"H678.*'mesure'[\s\S]*did you mean 'measure'"):
        evaluate(task)
    assert unable(task) == "no evaluation is named 'mesure'"


def test_a_spec_is_the_one_that_its_trial_is_about() -> None:
    assert Task(candidate(), Job("measure")).compilation.spec.name == "tiny"
    with pytest.raises(SpecError, match="H681"):
        _ = Task(candidate(hash="0" * 64), Job("measure")).compilation


def test_what_is_measured_is_the_autoencoder_where_the_job_says_so() -> None:
    assert Task(candidate(), Job("measure", {"task": "mae"})).compilation.task == "mae"
    assert Task(candidate(), Job("measure", {"device": "cpu"})).compilation.task == "classify"


@pytest.mark.parametrize("spec", [{"name": "../x", "stages": "rm -rf"}, {"extends": "/etc/passwd"}, {}])
def test_a_spec_in_a_ledger_that_is_not_lawful_is_a_diagnostic(spec: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        _ = Task(candidate(spec=spec), Job("measure")).compilation


def test_measuring_gives_the_time_of_one_batch(tmp_path: Path) -> None:
    job = Job("measure", {"device": "cpu", "regime": "eager", "dtype": "float32", "batch": 2})
    ledger = open_study(tmp_path)
    (key,) = enqueue(ledger, [candidate()], job)
    assert wait_for(ledger, [key]).finished == 1
    (trial,) = ledger.trials()
    assert trial.error is None
    assert 0 < trial.figures["latency_low"] <= trial.figures["latency_ms"] <= trial.figures["latency_high"]
    assert trial.figures["calls"] >= 10
    assert "torch" in trial.frozen.user_attrs["found"]["versions"]


def test_a_regime_that_nothing_is_measured_in_is_told() -> None:
    with pytest.raises(SpecError, match=r"H683.*'warp'"):
        evaluate(Task(candidate(), Job("measure", {"device": "cpu", "regime": "warp"})))


def test_a_proxy_is_a_figure_and_not_the_objective(tmp_path: Path) -> None:
    ledger, job = open_study(tmp_path), Job("proxy:grad_norm")
    assert wait_for(ledger, enqueue(ledger, [candidate()], job)).finished == 1
    (trial,) = ledger.trials()
    assert trial.figures["score"] > 0
    assert trial.frozen.value == candidate().score != trial.figures["score"]
    assert "no" in str(unable(Task(candidate(), Job("proxy:horoscope"))))
    with pytest.raises(SpecError):
        evaluate(Task(candidate(), Job("proxy")))


def test_a_device_that_is_not_here_is_left_to_others() -> None:
    import torch

    task = Task(candidate(), Job("measure", {"device": "cuda:99"}))
    assert unable(task) is not None
    assert torch.cuda.is_available() or "CUDA" in str(unable(task))
    assert unable(Task(candidate(), Job("measure", {"device": "toaster"}))) == "torch knows no device named 'toaster'"


def test_a_worker_that_only_sleeps_imports_no_torch(naps: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from tests.support.workers import candidates\n"
        "from hiera_search.ledger import Job, enqueue, open_study, wait_for\n"
        "found = open_study(sys.argv[1])\n"
        "assert wait_for(found, enqueue(found, candidates(1), Job('nap', {'seconds': '0'}))).finished == 1\n"
        "print(sorted({'torch', 'sqlalchemy', 'pydantic', 'networkx'} & sys.modules.keys()))"
    )
    environment = os.environ | {"PYTHONPATH": f"{naps}{os.pathsep}{Path(__file__).parents[3]}"}
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
