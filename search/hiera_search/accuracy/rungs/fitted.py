"""Rung `fitted`: a fit through the user's own rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hiera_search.accuracy.correlation import kendall
from hiera_search.accuracy.estimator import Estimator
from hiera_search.accuracy.fit import Fit, fit
from hiera_search.accuracy.fitting import Fitting
from hiera_search.accuracy.forms import FORMS, MEAN, Form
from hiera_search.accuracy.held_out import choose, predictions
from hiera_search.accuracy.rows import Rows
from hiera_search.accuracy.rungs.capacity import NOTE, Capacity
from hiera_search.accuracy.scores import Features, Floats

FEWEST = 8


class Fitted(Fitting):
    """The metric of the user's rows, of their most frequent recipe.

    It steps down to `capacity` unless a form predicts rows left out better than their mean does, and ranks at least
    as capacity does: it rises with capacity alone, and so orders as capacity with a unit and a band; or its Kendall
    tau on rows left out is above capacity's.
    """

    rung = "fitted"
    needs_rows = True

    def __init__(self, rows: Rows, found: Fit, remark: str) -> None:
        super().__init__(rows, found)
        name = Path(rows.name).name
        self.unit = f"metric of {name}"
        self.note = f"metric of {name}, estimated by {found.form.title} through {len(rows)} rows; {remark}"

    @classmethod
    def of(cls, rows: Rows | None) -> Estimator:
        assert rows is not None
        used = rows.of_main_recipe(FEWEST)
        found = fit((MEAN, *FORMS), used.features, used.metric, admits=ranks_as_well)
        left = len(rows) - len(used)
        others = f"; rows of other recipes left out: {left}" if left else ""
        if found.form is MEAN:
            return Capacity(f"{NOTE}; {_why_not(used)}{others}")
        return cls(used, found, _figures(found.error, found.unseen, used) + others)


def ranks_as_well(form: Form, features: Features, metric: Floats, unseen: Floats) -> bool:
    """Whether a form orders as capacity does, or ranks rows left out better; of the mean no order is asked."""
    if form is MEAN:
        return True
    capacity = features.scaled_capacity
    along = form.fit(features, metric)(features)[np.argsort(capacity)]
    rises = form.of_capacity and bool((np.diff(along) >= 0).all())
    return rises or kendall(unseen, metric) > kendall(capacity, metric)


def _why_not(rows: Rows) -> str:
    """Why no form is used: the figures of the one that comes nearest."""
    best = choose(FORMS, rows.features, rows.metric)
    unseen, of_mean = (predictions(form, rows.features, rows.metric) for form in (best, MEAN))
    error, least = (float(np.abs(rows.metric - found).mean()) for found in (unseen, of_mean))
    figures = _figures(error, unseen, rows)
    return (
        f"no fit of the {len(rows)} rows of {Path(rows.name).name} does better; the best, {best.title}, {figures}; "
        + (f"the mean of the others: mean error {least:.3g}")
    )


def _figures(error: float, unseen: Floats, rows: Rows) -> str:
    tau, baseline = kendall(unseen, rows.metric), kendall(rows.features.scaled_capacity, rows.metric)
    return f"on rows left out: mean error {error:.3g}, Kendall tau {tau:.2f} (capacity's {baseline:.2f})"
