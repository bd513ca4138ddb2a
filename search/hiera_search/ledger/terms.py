"""When a worker ends, and what it has done by then."""

from __future__ import annotations

from dataclasses import dataclass, field

from hiera_compiler.diagnostics import Diagnostic
from hiera_search.ledger import patience
from hiera_search.ledger.workers import GRACE, INTERVAL


@dataclass
class Report:
    """What a worker has done, and what it leaves."""

    finished: int = 0
    failed: int = 0
    taken_over: int = 0
    """Trials that it finished after another worker had taken them for lost."""
    waiting: int = 0
    running: int = 0
    unable: dict[str, int] = field(default_factory=dict)
    """Reasons why trials that wait cannot be evaluated here, with their number."""
    signal: int | None = None
    """What asked it to stop."""
    warnings: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    """When a worker ends, and how long it waits. Times are in seconds; None is without end."""

    most: int | None = None
    idle: float | None = None
    patience: float = patience.SECONDS
    interval: float = INTERVAL
    grace: float = GRACE
