"""Budgets: limits that nothing reported may exceed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hiera_search.accuracy import Scores
    from hiera_search.table import Columns

INTERVAL = 0.9
"""The level of the intervals of predicted times."""
_LEAST = 1e-12
"""Scores below are taken for this one, so that every share is a number."""


@dataclass(frozen=True)
class Budgets:
    """What a candidate may cost at most, and must reach at least; None is no limit.

    `latency_ms` is the time of one batch; `gmacs` are 10^9 multiply-accumulates of one sample, `mparams` 10^6
    parameters, `memory_gb` 10^9 bytes of weights and activations of one batch; `min_accuracy` is in the unit of the
    estimator, `min_throughput` in samples per second.
    """

    latency_ms: float | None = None
    gmacs: float | None = None
    mparams: float | None = None
    memory_gb: float | None = None
    min_accuracy: float | None = None
    min_throughput: float | None = None

    def given(self) -> dict[str, float]:
        """The limits that there are, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Limits:
    """Budgets as they are held against predictions: times are taken at the safe side, `margin` times as long."""

    budgets: Budgets
    batch: int
    margin: float = 1.0

    def excess(self, columns: Columns, scores: Scores) -> dict[str, NDArray[np.float64]]:
        """By how much each lawful candidate exceeds each limit, as a share of the limit; not positive where it fits."""
        milliseconds = columns.latency_ms * self.margin
        shares = {
            "latency_ms": lambda limit: milliseconds / limit,
            "gmacs": lambda limit: columns.macs / 1e9 / limit,
            "mparams": lambda limit: columns.params / 1e6 / limit,
            "memory_gb": lambda limit: columns.memory / 1e9 / limit,
            "min_accuracy": lambda limit: limit / np.maximum(scores.value, _LEAST),
            # A rate as a time, which is 0 for what is refused.
            "min_throughput": lambda limit: milliseconds * (limit / (1000.0 * self.batch)),
        }
        return {name: shares[name](limit) - 1.0 for name, limit in self.budgets.given().items()}


def margin(spread: float, risk: float) -> float:
    """The factor by which a predicted time is lengthened so that it is exceeded with this probability only.

    `spread` is the half-width of the 90 % interval of the time's logarithm. The error is taken as normal in the
    logarithm: at a risk of 0.5 the factor is 1, at 0.05 it is the interval's upper end.
    """
    normal = NormalDist()
    # Not the quantile of 1 - risk, which is 1 where the risk is tiny.
    return exp(spread * -normal.inv_cdf(risk) / normal.inv_cdf(0.5 + INTERVAL / 2))
