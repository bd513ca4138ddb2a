"""Studies in a PostgreSQL database, for workers on many machines. Imports Optuna."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import exc

from hiera_compiler.diagnostics import Diagnostic, SpecError
from hiera_search.ledger import problems
from hiera_search.ledger.address import DatabaseAddress
from hiera_search.ledger.storage import Lock

# Numbers that other programs' advisory locks on the same database are unlikely to have.
_LOCKS: Mapping[Lock, int] = {"tables": 0x48696572, "keys": 0x48696573, "claims": 0x48696574}
_LOCK_SECONDS = 60
_CONNECT = {
    "connect_timeout": 10,
    # A machine that fell silent is noticed within about a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
# A worker changes the study in one connection while another holds the lock and a third carries the heartbeat.
_POOL = {"pool_size": 2, "max_overflow": 2}

_REFUSALS = ("password", "no pg_hba.conf entry", "authentication failed", "role ")
_REASONS = (
    ("could not translate host name", "there is no such host"),
    ("Name or service not known", "there is no such host"),
    ("failed to resolve host", "there is no such host"),
    ("Connection refused", "nothing listens there"),
    ("No such file or directory", "there is no socket of a server"),
    ("timeout", "no answer in time"),
    ("too many clients", "it has as many connections as it takes"),
    ("starting up", "it is starting up"),
    ("shutting down", "it is shutting down"),
    ("lock timeout", "another process has kept it locked"),
    ("terminating connection", "it was shut down"),
)


class DatabaseStudies:
    """The studies of a database. Raises SpecError where there is no way in."""

    def __init__(self, where: DatabaseAddress) -> None:
        self.shown = where.shown
        self.warnings: list[Diagnostic] = []
        options: dict[str, Any] = {"connect_args": _CONNECT, **_POOL}
        try:
            self._engine = sqlalchemy.create_engine(where.url, **options)
        except ImportError as error:
            raise SpecError(problems.driver_missing(str(error).partition("\n")[0])) from None
        try:
            with self.exclusive("tables"):  # Two that make the tables at once would fail.
                found = _Tables(where, options)
        except (exc.DBAPIError, StorageInternalError) as error:
            raise SpecError(self._refusal(error, where)) from None
        except RuntimeError:
            raise SpecError(problems.other_tables(self.shown)) from None
        finally:
            self._engine.dispose()
        self._engine, self.optuna = found.engine, cast("BaseStorage", found)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def exclusive(self, what: Lock) -> Iterator[None]:
        """While inside, no other process on any machine is in it for this database, and this part of the work."""
        with self._engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
            connection.execute(sqlalchemy.text(f"SELECT pg_advisory_xact_lock({_LOCKS[what]})"))
            yield

    def is_outage(self, error: Exception) -> bool:
        """Whether the server has gone, or does not come to it: waiting may help."""
        return isinstance(_cause(error), exc.OperationalError | exc.InterfaceError) or _disconnected(error)

    def reason(self, error: Exception) -> str:
        """Why the server does not answer, in our words: its own may be in any language, and quote the URL."""
        text = str(_cause(error))
        return next((ours for theirs, ours in _REASONS if theirs in text), "the connection fails")

    def _refusal(self, error: Exception, where: DatabaseAddress) -> Diagnostic:
        text = str(_cause(error))
        if "database" in text and "does not exist" in text:
            return problems.no_database(self.shown, where.url.database or "")
        if any(words in text for words in _REFUSALS):
            return problems.not_let_in(self.shown)
        if "invalid connection option" in text or "invalid URI query parameter" in text:
            return problems.unreadable_url("it has an option that the driver does not know")
        if isinstance(_cause(error), exc.ProgrammingError):
            return problems.other_tables(self.shown)
        return problems.unreachable(self.shown, self.reason(error))


class _Tables(RDBStorage):
    """Optuna's storage, which leaves no connection open where it cannot be made."""

    def __init__(self, where: DatabaseAddress, options: dict[str, Any]) -> None:
        # Optuna takes the URL as a text, and braces in it for places to fill in.
        text = where.url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
        try:
            super().__init__(text, engine_kwargs=dict(options))
        except BaseException:
            if hasattr(self, "engine"):
                self.engine.dispose()
            raise


def _cause(error: Exception) -> BaseException:
    return error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error


def _disconnected(error: Exception) -> bool:
    cause = _cause(error)
    return isinstance(cause, exc.DBAPIError) and cause.connection_invalidated
