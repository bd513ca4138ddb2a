"""What a study is kept in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from hiera_search.ledger.address import DatabaseAddress, address

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from hiera_compiler.diagnostics import Diagnostic


Lock: TypeAlias = Literal["tables", "keys", "claims"]
"""What one process does at a time: make what is not there, enqueue what nobody has enqueued, take what waits."""


class Storage(Protocol):
    """Studies that several processes may change at once."""

    @property
    def shown(self) -> str:
        """Where it is, without secrets."""

    @property
    def optuna(self) -> BaseStorage:
        """The storage as Optuna knows it."""

    @property
    def warnings(self) -> list[Diagnostic]:
        """What was found amiss and set right."""

    def exclusive(self, what: Lock) -> AbstractContextManager[None]:
        """While inside, no other process is in it for this storage, and this part of the work."""

    def close(self) -> None:
        """Let go of what is open."""

    def is_outage(self, error: Exception) -> bool:
        """Whether an operation failed by something that waiting may mend."""

    def reason(self, error: Exception) -> str:
        """What an outage is, in a few words."""


def open_storage(where: str | Path, create: bool) -> Storage:
    """The storage in a folder, a journal file or a ``postgresql://`` database.

    Only a search makes the folder or file (``create``). Raises SpecError where it cannot be used.
    """
    found = address(where)
    if isinstance(found, DatabaseAddress):
        from hiera_search.ledger.postgres import DatabaseStudies

        return DatabaseStudies(found)
    from hiera_search.ledger.journal import JournalStudies

    return JournalStudies(found.path, found.shown, create)
