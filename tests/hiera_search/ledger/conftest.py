"""A study in each sort of storage, and an evaluation that only sleeps."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hiera_search.ledger import Job, Ledger, evaluations, open_study
from tests.support.postgres import Server
from tests.support.workers import NAP, PARAMETERS, Workers


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


@pytest.fixture
def ledger(storage: str) -> Iterator[Ledger]:
    """A new study in each sort of storage."""
    with open_study(storage, space=PARAMETERS) as found:
        yield found


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


@pytest.fixture
def workers(naps: Path, tmp_path: Path) -> Iterator[Workers]:
    """Workers, none of which outlives its test."""
    found = Workers(naps, tmp_path / "workers.log")
    yield found
    found.end()
