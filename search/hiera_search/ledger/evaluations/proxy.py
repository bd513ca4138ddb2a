"""A zero-cost proxy of accuracy, named by the option: ``proxy:synflow``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hiera_search.ledger.evaluations import Task


def evaluate(task: Task) -> Mapping[str, float]:
    """The proxy's figure, as the score. Raises SpecError for an unknown proxy, and where the figure is no number."""
    from hiera_search.accuracy import Proxy, estimator

    proxy = estimator(task.job.evaluation)
    assert isinstance(proxy, Proxy), "a rung named proxy:... is a proxy"
    return {"score": proxy.evaluate(task.compilation)}
