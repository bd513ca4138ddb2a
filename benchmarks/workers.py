"""Four workers against one, where a trial takes half a second of sleep.

python -m benchmarks.workers [--trials 40] [--seconds 0.5] [--storage postgresql://USER@HOST/DATABASE ...]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.interleaved import progress
from benchmarks.table import regime, table
from hiera_search.ledger import Candidate, Job, State, enqueue, open_study

EVALUATION = """\
import time


def evaluate(task):
    time.sleep(float(task.job.regime["seconds"]))
    return {"seconds": float(task.job.regime["seconds"])}
"""
WORKER = """\
import sys
from hiera_search.ledger import Terms, open_study, work

with open_study(sys.argv[1], sys.argv[2], create=False) as study:
    sys.stdin.readline()
    work(study, Terms(idle=0))
"""


def main() -> None:
    """Runs both numbers of workers on each storage and prints one table."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        _install(Path(folder))
        rows = []
        for storage in [str(Path(folder) / "study"), *options.storage]:
            one, four = (_seconds(storage, workers, options, Path(folder)) for workers in (1, 4))
            ideal = options.trials * options.seconds
            name = "journal file" if storage.startswith(folder) else "PostgreSQL"
            rows.append(
                [name, f"{one:.2f}", f"{four:.2f}", f"{one / four:.2f}", f"{1000 * (one - ideal) / options.trials:.0f}"]
            )
    header = regime(
        ["optuna", "SQLAlchemy", "psycopg"],
        trials=f"{options.trials}, each {options.seconds} s of sleep",
        clock="wall seconds from the first trial's start to the last one's end; workers are processes on this machine",
    )
    columns = ("storage", "1 worker, s", "4 workers, s", "ratio", "overhead of a trial, ms")
    print(f"# Workers on one study\n\n{header}\n\n{table(columns, rows)}")


def _seconds(storage: str, workers: int, options: argparse.Namespace, folder: Path) -> float:
    progress(f"{workers} workers on {'a journal' if '://' not in storage else 'PostgreSQL'}")
    name = f"benchmark {workers} {time.time_ns()}"
    named = [Candidate(f"n{index}", {}, f"{index:064x}", float(index)) for index in range(options.trials)]
    with open_study(storage, name) as study:
        enqueue(study, named, Job("nap", {"seconds": str(options.seconds)}))
        environment = os.environ | {"PYTHONPATH": str(folder)}
        command = [sys.executable, "-c", WORKER, storage, name]
        started = [subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) for _ in range(workers)]
        time.sleep(3)  # All are there before the first begins.
        for worker in started:
            assert worker.stdin is not None
            worker.stdin.close()  # It waits for the end of its input.
        for worker in started:
            worker.wait()
        trials = study.trials()
    assert [trial.state for trial in trials] == [State.FINISHED] * options.trials
    starts = [trial.frozen.datetime_start for trial in trials if trial.frozen.datetime_start is not None]
    ends = [trial.frozen.datetime_complete for trial in trials if trial.frozen.datetime_complete is not None]
    return (max(ends) - min(starts)).total_seconds()


def _install(folder: Path) -> None:
    """The evaluation, declared as another package declares one."""
    (folder / "nap.py").write_text(EVALUATION)
    metadata = folder / "nap-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: nap\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[hiera_search.evaluations]\nnap = nap\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--storage", nargs="*", default=[], help="databases to measure beside a journal file")
    parser.add_argument("--quick", action="store_true", help="half as many trials")
    options = parser.parse_args()
    if options.quick:
        options.trials //= 2
    return options


if __name__ == "__main__":
    main()
