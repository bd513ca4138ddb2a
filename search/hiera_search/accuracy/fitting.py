"""Estimators that are fitted on rows."""

from __future__ import annotations

import numpy as np

from hiera_search.accuracy.estimator import Estimator
from hiera_search.accuracy.fit import Fit
from hiera_search.accuracy.rows import Rows
from hiera_search.accuracy.scores import Features, Floats, Scores


class Fitting(Estimator):
    """Scores by a fit through rows; its scores are accuracies."""

    takes_rows = True
    is_accuracy = True

    def __init__(self, rows: Rows, fit: Fit) -> None:
        self.rows, self.fit = rows, fit

    @property
    def of_capacity(self) -> bool:
        return self.fit.form.of_capacity

    def score(self, features: Features) -> Scores:
        return self.fit.score(features)

    def rank(self, rows: Rows) -> Floats:
        unseen = dict(zip((one.spec.hash for one in self.rows.compilations), self.fit.unseen, strict=True))
        value = self.score(rows.features).value
        return np.array([unseen.get(one.spec.hash, here) for one, here in zip(rows.compilations, value, strict=True)])
