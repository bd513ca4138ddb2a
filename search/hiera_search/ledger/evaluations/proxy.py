"""A zero-cost proxy of accuracy on a candidate's untrained module, as in ``proxy:synflow``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hiera_compiler.diagnostics import SpecError

if TYPE_CHECKING:
    from hiera_search.accuracy import Proxy
    from hiera_search.ledger.evaluations import Task


def evaluate(task: Task) -> Mapping[str, float]:
    """The proxy's figure as ``score``. Raises SpecError for an unknown proxy, and where the figure is no number.

    The study's objective stays what it is: scores of different rungs cannot be compared.
    """
    return {"score": _proxy(task.job.evaluation).evaluate(task.compilation)}


def unable(task: Task) -> str | None:
    """Why it cannot be worked out here: the proxy is not known."""
    try:
        _proxy(task.job.evaluation)
    except SpecError as error:
        return error.diagnostics[0].message
    return None


def _proxy(name: str) -> Proxy:
    from hiera_search.accuracy import Proxy, estimator
    from hiera_search.ledger.evaluations import unknown_evaluation

    found = estimator(name)
    if not isinstance(found, Proxy):
        raise SpecError(unknown_evaluation(name, ()))
    return found
