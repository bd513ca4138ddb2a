"""Going on after a storage was away for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import problems
from hiera_search.ledger.stops import Stopped, Stops
from hiera_search.ledger.storage import Storage

Result = TypeVar("Result")

SECONDS = 300.0
"""How long a storage may be away before a worker gives up."""
_FIRST, _LONGEST = 0.1, 10.0


@dataclass
class Patience:
    """Calls operations of a storage until it answers; each must do no harm when it is done twice.

    ``on_outage`` is called whenever the storage does not answer.
    """

    storage: Storage
    stops: Stops
    seconds: float = SECONDS
    say: Callable[[str], None] = field(default=lambda text: None)
    on_outage: Callable[[], None] = field(default=lambda: None)

    def __call__(self, operation: Callable[[], Result]) -> Result:
        """What the operation gives. Raises SpecError where the storage stays away, and Stopped where asked to stop."""
        start, pause = time.monotonic(), _FIRST
        while True:
            try:
                result = operation()
            except Exception as error:
                if not self.storage.is_outage(error):
                    raise
                self.on_outage()
                reason = self.storage.reason(error)
                left = start + self.seconds - time.monotonic()
                if left <= 0:
                    raise SpecError(problems.unreachable(self.storage.shown, reason)) from None
            else:
                if pause > _FIRST:
                    self.say(f"{self.storage.shown} answers again")
                return result
            if pause == _FIRST:
                self.say(f"{self.storage.shown} does not answer ({reason}); waiting for up to {self.seconds:.0f} s")
            if self.stops.signal is not None:
                raise Stopped
            self.stops.pause(min(pause, left))
            pause = min(2 * pause, _LONGEST)
