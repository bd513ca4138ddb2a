"""A database that does not let us in says so once, and no secret comes out."""

import gc
import os
import subprocess
import sys
import traceback
from urllib.parse import unquote

import pytest

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import Job, Terms, enqueue, open_study, work
from tests.support.postgres import Server
from tests.support.workers import candidates

SECRET = "s3cr%40t"


def refusal(storage: str) -> str:
    """The diagnostic's text; its traceback must not show the password either."""
    with pytest.raises(SpecError) as caught:
        open_study(storage)
    shown = "".join(traceback.format_exception(caught.value))
    assert "s3cr" not in shown
    assert "sqlalchemy" not in shown.lower().partition("spec")[0]
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.fixture(scope="session")
def guarded(server: Server) -> Server:
    """A user whose password is asked for."""
    server.query("CREATE USER guarded PASSWORD 's3cr@t'")
    server.query("CREATE DATABASE guarded OWNER guarded")
    return server


def test_a_wrong_password_is_told_and_not_shown(guarded: Server) -> None:
    url = guarded.url("guarded", f"guarded:wrong{SECRET}")
    found = refusal(url)
    assert "H664" in found
    assert f"postgresql://guarded@/guarded?host={guarded.folder}" in unquote(found)


def test_a_missing_password_is_told(guarded: Server) -> None:
    assert "H664" in refusal(guarded.url("guarded", "guarded"))


def test_a_password_with_odd_characters_opens_and_stays_out_of_the_study(guarded: Server) -> None:
    with open_study(guarded.url("guarded", f"guarded:{SECRET}")) as found:
        enqueue(found, candidates(1), Job("nap"))
        assert "s3cr" not in repr(found)
        assert "s3cr" not in repr((found.study.user_attrs, found.study.trials))
        assert unquote(found.storage.shown) == guarded.url("guarded", "guarded")


def test_a_database_that_is_not_there_is_told(server: Server) -> None:
    found = refusal(server.url("nowhere"))
    assert "H665" in found
    assert "`createdb nowhere`" in found


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("@127.0.0.1:1/db", "nothing listens there"),
        ("@/db?host=/nowhere", "there is no socket of a server"),
        (f"u:{SECRET}@no-such-host.invalid/db", "there is no such host"),
    ],
)
def test_a_server_that_is_not_there_is_told(place: str, reason: str) -> None:
    pytest.importorskip("psycopg")
    found = refusal(f"postgresql://{place}")
    assert "H666" in found
    assert reason in found


def test_an_option_that_the_driver_does_not_know_is_told(server: Server) -> None:
    found = refusal(server.url("postgres") + "&colour=red")
    assert "H662" in found


def test_a_database_of_other_tables_is_told(server: Server) -> None:
    import psycopg

    url = server.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE studies (something int)")
    assert "H667" in refusal(url)
    gc.collect()  # A connection that was left open would warn here.


def test_a_missing_driver_names_its_extra() -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from hiera_search.ledger import open_study\n"
        "from hiera_compiler.diagnostics import SpecError\n"
        "try: open_study('postgresql://u:s3cret@localhost/db')\n"
        "except SpecError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert "H663" in done.stdout
    assert "pip install 'hiera-compiler[postgres]'" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr


# SQLAlchemy leaves connections to a server that went away to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_patience_with_a_server_that_stays_away_ends(server: Server) -> None:
    said: list[str] = []
    with open_study(server.new_database()) as found:
        server.stop()
        try:
            with pytest.raises(SpecError, match=r"H666.*does not answer"):
                work(found, Terms(patience=0.5), said.append)
        finally:
            server.start()
    gc.collect()
    assert "waiting for up to 0 s" in said[0] or "waiting for up to 1 s" in said[0]
