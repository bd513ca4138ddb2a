"""A study in each sort of storage, an evaluation that only sleeps, and a PostgreSQL server of the tests' own."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hiera_search.ledger import Candidate, Job, Ledger, evaluations, open_study

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


@pytest.fixture(scope="session")
def naps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package that declares the evaluation `nap`, as an installer leaves it."""
    folder = tmp_path_factory.mktemp("naps")
    (folder / "naps.py").write_text(NAP)
    metadata = folder / "naps-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: naps\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[hiera_search.evaluations]\nnap = naps\n")
    return folder


@pytest.fixture
def nap(naps: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Job]]:
    """Jobs that sleep, in this process."""
    monkeypatch.syspath_prepend(str(naps))
    evaluations.modules.cache_clear()
    yield lambda seconds=0.0, **regime: Job("nap", {"seconds": str(seconds), **regime})
    evaluations.modules.cache_clear()


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


@pytest.fixture
def ledger(storage: str) -> Iterator[Ledger]:
    """A new study in each sort of storage."""
    with open_study(storage, space=PARAMETERS) as found:
        yield found


class Server:
    """A PostgreSQL server on a socket in a folder of its own, without fsync: its machine is not meant to fail."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.databases = programs, folder, 0
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", str(folder / "data"))
        guarded = "local all guarded scram-sha-256\nlocal all all trust\n"
        (folder / "data" / "pg_hba.conf").write_text(guarded)

    def start(self) -> None:
        options = f"-c fsync=off -c listen_addresses='' -c unix_socket_directories={self.folder}"
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def query(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of a database that is empty."""
        self.databases += 1
        self.query(f"CREATE DATABASE study{self.databases}")
        return self.url(f"study{self.databases}")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:  # The server refuses to run as root.
            command = ["runuser", "-u", "postgres", "--", *command]
        # Nobody waits for the end of what the server inherits.
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")


def _programs() -> Path:
    places = [shutil.which("initdb"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    found = next((Path(place).resolve().parent for place in places if place), None)
    if found is None:
        pytest.skip("there is no PostgreSQL server here: initdb is not installed")
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and there is no runuser to run it as another user")
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    return found


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server that runs."""
    pytest.importorskip("psycopg", reason="the driver for PostgreSQL is not installed")
    programs = _programs()
    # A socket's path has a hundred characters at most, and pytest's folders are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="hiera-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        found = Server(programs, folder)
        found.start()
        yield found
        found.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["journal", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a study may be kept: a new folder, and an empty database."""
    if request.param == "journal":
        return str(tmp_path / "study")
    return str(request.getfixturevalue("server").new_database())


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


@pytest.fixture
def workers(naps: Path, tmp_path: Path) -> Iterator[Workers]:
    """Workers, none of which outlives its test."""
    found = Workers(naps, tmp_path / "workers.log")
    yield found
    found.end()
