"""A fit through rows: its curve, its band, and how far it reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiera_search.accuracy.forms import Curve, Form, log_capacity, log_macs
from hiera_search.accuracy.held_out import Admits, choose, chosen_predictions, gap_errors
from hiera_search.accuracy.interval import half_width
from hiera_search.accuracy.scores import REFERENCE_SIDE, Features, Flags, Floats, Integers, Scores

_FLOOR = 0.01
"""The least spread of a feature's logarithm: rows that are all alike say nothing of a candidate 1 % away."""


class Reach:
    """How far rows reach in capacity and MACs: a candidate's leverage, its distance as the rows are spread.

    Leverage is what least squares call so: the prediction's variance over the noise's. Candidates of more leverage
    than any row are extrapolated (Cook 1979, the hull of the independent variables): capacity and MACs may each be
    within the rows' range, but not in this combination. So are candidates out of the range of either.
    """

    def __init__(self, features: Features) -> None:
        points = _points(features)
        self._count = len(features)
        self._low, self._high = points.min(axis=1, keepdims=True), points.max(axis=1, keepdims=True)
        self._middle = points.mean(axis=1, keepdims=True)
        around = points - self._middle
        scatter = around @ around.T + self._count * _FLOOR**2 * np.eye(len(points))
        self._root = np.linalg.cholesky(np.linalg.inv(scatter)).T
        self._most = float(self.leverage(features).max())
        self._sizes = np.unique(_sizes(features))

    def leverage(self, features: Features) -> Floats:
        """The leverage of candidates; 1/n at the middle of n rows."""
        distance = self._root @ (_points(features) - self._middle)
        return np.asarray(1 / self._count + np.square(distance).sum(axis=0))

    def extrapolated(self, features: Features, leverage: Floats) -> Flags:
        """Which candidates lie beyond the rows, or have an input of a size that no row has."""
        points = _points(features)
        outside = ((points < self._low) | (points > self._high)).any(axis=0)
        return np.asarray(outside | (leverage > self._most * (1 + 1e-9)) | ~np.isin(_sizes(features), self._sizes))


@dataclass(frozen=True)
class Fit:
    """A curve through rows, with the half-width of its 90 % band in their middle.

    `unseen` is what was predicted of each row without it, the choice of the form included. `resolution` is the
    smallest difference of two candidates that is more than noise; see `Scores`.
    """

    curve: Curve
    reach: Reach
    unseen: Floats
    error: float
    half_width: float
    resolution: float
    ceiling: float

    @property
    def form(self) -> Form:
        """The form that was chosen."""
        return self.curve.form

    def score(self, features: Features) -> Scores:
        """Values, and bands that widen with the distance from the rows as a least-squares prediction's do."""
        value = np.minimum(self.curve(features), self.ceiling)
        leverage = self.reach.leverage(features)
        width = self.half_width * np.sqrt(1 + leverage)
        high = np.minimum(value + width, self.ceiling)
        return Scores(value, value - width, high, self.reach.extrapolated(features, leverage), self.resolution)


def fit(
    forms: Sequence[Form],
    features: Features,
    metric: Floats,
    ceiling: float = np.inf,
    admits: Admits | None = None,
) -> Fit:
    """The fit of the form that is best on rows left out; `error` is the mean absolute error of the unseen."""
    form = choose(forms, features, metric, admits)
    unseen = chosen_predictions(forms, features, metric, admits)
    errors = metric - unseen
    return Fit(
        curve=form.fit(features, metric),
        reach=Reach(features),
        unseen=unseen,
        error=float(np.abs(errors).mean()),
        half_width=half_width(errors),
        resolution=half_width(gap_errors(form, features, metric)),
        ceiling=ceiling,
    )


def _points(features: Features) -> Floats:
    return np.stack([log_capacity(features), log_macs(features)])


def _sizes(features: Features) -> Integers:
    return np.full(len(features), REFERENCE_SIDE, np.int64) if features.size is None else features.size
