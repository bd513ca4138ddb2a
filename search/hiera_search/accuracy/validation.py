"""How well estimators rank rows that the user has trained, beside the free baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hiera_search.accuracy.correlation import bootstrapped_kendall, concordance, interval, kendall, spearman
from hiera_search.accuracy.estimator import Estimator
from hiera_search.accuracy.rows import Rows
from hiera_search.accuracy.rungs.capacity import Capacity

FEWEST = 3


@dataclass(frozen=True)
class Validation:
    """How an estimator ranks rows: Kendall's tau, Spearman's rho, and the share of pairs of equal MACs ranked rightly.

    `tau_low` and `tau_high` hold the middle 90 % of tau on resampled rows, `gain_low` and `gain_high` that of tau
    less the baseline's on the same resampled rows: an estimator beats the baseline where `gain_low` is above 0.
    """

    rung: str
    rows: int
    tau: float
    tau_low: float
    tau_high: float
    rho: float
    concordance: float | None
    pairs: int
    gain: float
    gain_low: float
    gain_high: float

    @property
    def beats_baseline(self) -> bool:
        """Whether it ranks better than capacity, beyond noise."""
        return self.gain_low > 0


def validate(
    estimators: Sequence[Estimator],
    rows: Rows,
    seed: int = 0,
    progress: Callable[[str], None] = lambda name: None,
) -> tuple[Validation, ...]:
    """The validation of each estimator on rows of the most frequent recipe; the first is the baseline's, capacity.

    An estimator that is fitted on the rows is asked for each row as if it had not seen it. Raises SpecError for fewer
    than three rows, for metrics that are all equal, and where an estimator cannot score a row.
    """
    used = rows.of_main_recipe(FEWEST)
    ladder = [Capacity(), *(one for one in estimators if one.rung != Capacity.rung)]
    scores = []
    for one in ladder:
        progress(one.rung)
        scores.append(one.rank(used))
    resampled = bootstrapped_kendall(scores, used.metric, seed)
    baseline = kendall(scores[0], used.metric)
    found = []
    for one, score, sampled in zip(ladder, scores, resampled, strict=True):
        tau = kendall(score, used.metric)
        share, pairs = concordance(score, used.metric, used.features.macs)
        rho, gain = spearman(score, used.metric), interval(sampled - resampled[0])
        found.append(Validation(one.rung, len(used), tau, *interval(sampled), rho, share, pairs, tau - baseline, *gain))
    return tuple(found)
