"""Candidates that are slept on, and processes that do so."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from hiera_search.ledger import Candidate

NAP = """\
import fcntl, os, time
from pathlib import Path


def evaluate(task):
    regime, name = task.job.regime, task.candidate.name
    if name.startswith("broken"):
        raise RuntimeError("no luck with this one")
    if name.startswith("endless"):
        return {"seconds": float("nan")}
    log = Path(regime["log"]) if "log" in regime else None
    if log is not None:
        # Two workers at one candidate would meet here.
        held = open(log.with_name(task.candidate.hash), "w")
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    time.sleep(float(regime["seconds"]))
    if log is not None:
        os.write(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), f"{task.candidate.hash}\\n".encode())
    return {"seconds": float(regime["seconds"]), "latency_ms": 2.0}


def unable(task):
    return "there is no bed" if "bed" in task.job.regime else None
"""


def candidates(count: int, name: str = "n") -> list[Candidate]:
    """Candidates of a space with two holes; those from the twelfth on are over the limit."""
    return [
        Candidate(
            f"{name}{number}",
            {"name": f"{name}{number}"},
            f"{number:064x}",
            score=float(number),
            choice={"width": number % 2, "depth": number % 3},
            figures={"latency_ms": number / 10},
            limits={"latency_ms": 1.1},
        )
        for number in range(count)
    ]


PARAMETERS = {"width": ("narrow", "wide"), "depth": (1, 2, 3)}


NURSERY = """\
import os, signal, sys
from hiera_search.ledger import Terms, evaluations, open_study, work

evaluations.modules()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
warm = False
for line in sys.stdin:
    if not warm:
        with open_study(line.partition("\t")[0], create=False):
            warm = True  # What that imports takes longest: each worker has it from here.
    child = os.fork()
    if child == 0:
        storage, interval, grace, patience = line.rstrip("\\n").split("\\t")
        os.close(0)
        terms = Terms(None, 2.0, float(patience), float(interval), float(grace))
        with open(os.environ["NURSERY_LOG"], "a", buffering=1) as log:
            try:
                report = work(open_study(storage, create=False), terms, say=lambda text: print(text, file=log))
                print(report, file=log)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=log)
                os._exit(1)
        os._exit(0)
    print(child, flush=True)
"""


class Workers:
    """Starts workers as processes, quickly: they are forks of one that has imported everything."""

    def __init__(self, naps: Path, log: Path) -> None:
        self.log = log
        self.pids: list[int] = []
        environment = os.environ | {"PYTHONPATH": str(naps), "NURSERY_LOG": str(log)}
        self._nursery = subprocess.Popen(
            [sys.executable, "-c", NURSERY], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, storage: str, *, interval: float = 10.0, grace: float = 60.0, patience: float = 60.0) -> int:
        """A worker's process; it ends two seconds after it has found nothing more to do."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(f"{storage}\t{interval}\t{grace}\t{patience}\n")
        self._nursery.stdin.flush()
        self.pids.append(int(self._nursery.stdout.readline()))
        return self.pids[-1]

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        with suppress(ProcessLookupError):  # It has ended by itself.
            os.kill(pid, number)

    def alive(self) -> list[int]:
        return [pid for pid in self.pids if Path(f"/proc/{pid}").exists()]

    def end(self) -> None:
        for pid in self.alive():
            self.kill(pid)
        self._nursery.communicate()
