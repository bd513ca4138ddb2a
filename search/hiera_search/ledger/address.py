"""Where a study is kept, from what the user wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import problems

if TYPE_CHECKING:
    from sqlalchemy import URL

JOURNAL = "study.journal"
SUFFIX = ".journal"
_SECRETS = ("password", "sslpassword")


@dataclass(frozen=True)
class JournalAddress:
    """A journal file; ``shown`` is what the user named, its folder or itself."""

    path: Path
    shown: str


@dataclass(frozen=True)
class DatabaseAddress:
    """A PostgreSQL database; ``shown`` is its URL without secrets."""

    url: URL = field(repr=False)
    shown: str


Address = JournalAddress | DatabaseAddress


def address(storage: str | Path) -> Address:
    """The address of a folder, a journal file or a ``postgresql://`` URL. Raises SpecError for anything else."""
    text = str(storage)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
    if scheme is None:
        if re.match(r"(postgres|sqlite|mysql|redis)\w*(\+\w+)?:", text):
            raise SpecError(problems.unreadable_url("'//' is missing after the first colon"))
        path = Path(text)
        is_file = path.is_file() or (path.suffix == SUFFIX and not path.is_dir())
        return JournalAddress(path if is_file else path / JOURNAL, text)
    name = scheme[1].lower().partition("+")[0]
    if name == "sqlite":
        raise SpecError(problems.sqlite_refused())
    if name not in ("postgresql", "postgres"):
        raise SpecError(problems.unknown_scheme(scheme[1]))
    return _database(text)


def _database(text: str) -> DatabaseAddress:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The library's own text may quote parts of the URL, and so of the password.
        raise SpecError(problems.unreadable_url("its parts cannot be told apart")) from None
    if "@" in (url.host or ""):
        raise SpecError(problems.unreadable_url("there is a second '@' before the host"))
    if not url.database:
        raise SpecError(problems.unreadable_url("it names no database"))
    bare = url._replace(password=None)  # `set` takes None for no change.
    shown = bare.difference_update_query([name for name in _SECRETS if name in url.query])
    return DatabaseAddress(url.set(drivername="postgresql+psycopg"), shown.render_as_string(hide_password=True))
