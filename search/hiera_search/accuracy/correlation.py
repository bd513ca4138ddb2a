"""How well one order agrees with another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiera_search.accuracy.scores import Floats, Integers

LEVEL = 0.9
ALIKE = 1.1
"""The ratio of MACs up to which two candidates count as equally costly."""

_Signs = NDArray[np.float32]


def kendall(score: Floats, metric: Floats) -> float:
    """Kendall's tau-b, from -1 to 1; 0 where either has no order."""
    weights = np.ones((1, len(score)), np.float32)
    return float(_weighted_tau(_signs(score), _signs(metric), weights)[0])


def spearman(score: Floats, metric: Floats) -> float:
    """Spearman's rho: the correlation of ranks, equal values sharing theirs; 0 where either has no order."""
    x, y = (_ranks(values) - (len(values) - 1) / 2 for values in (score, metric))
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else 0.0


def concordance(score: Floats, metric: Floats, macs: Integers) -> tuple[float | None, int]:
    """The share of pairs of equal cost that are ranked rightly, and the number of such pairs; 0.5 is a coin's.

    Pairs count whose multiply-accumulates differ by at most 10 % and whose metrics differ; equal scores are half
    right. Without such a pair there is no share.
    """
    cost = np.log(np.maximum(macs, 1))
    alike = np.abs(cost[:, None] - cost[None, :]) <= np.log(ALIKE)
    pairs = np.triu(alike, 1) & (metric[:, None] != metric[None, :])
    count = int(pairs.sum())
    if not count:
        return None, 0
    agreement = (_signs(score) * _signs(metric))[pairs]
    return float((1 + agreement).mean() / 2), count


def bootstrapped_kendall(scores: list[Floats], metric: Floats, seed: int = 0, samples: int = 1000) -> Floats:
    """Kendall's tau of each score on resampled rows, ``[scores, samples]``; the same rows for all scores."""
    count = len(metric)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), samples)
    weights, signs = drawn.astype(np.float32), _signs(metric)
    return np.stack([_weighted_tau(_signs(score), signs, weights) for score in scores])


def interval(values: Floats) -> tuple[float, float]:
    """The middle 90 % of resampled values."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _signs(values: Floats) -> _Signs:
    return np.sign(values[:, None] - values[None, :]).astype(np.float32)


def _weighted_tau(x: _Signs, y: _Signs, weights: NDArray[np.float32]) -> Floats:
    """Tau-b where each row of `weights` says how often each item counts."""

    def total(pairs: _Signs) -> Floats:
        return np.asarray(((weights @ pairs) * weights).sum(axis=1, dtype=np.float64))

    scale = np.sqrt(total(np.abs(x))) * np.sqrt(total(np.abs(y)))
    return np.asarray(np.divide(total(x * y), scale, out=np.zeros_like(scale), where=scale > 0))


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts + 1) / 2)[inverse], np.float64)
