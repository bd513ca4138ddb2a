"""Forms of a fit: what of a candidate's size its metric depends on, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hiera_search.accuracy.scores import Features, Floats

Columns = Callable[[Features, tuple[float, float]], tuple[Floats, ...]]
"""The columns of a design matrix, given the range of log capacity in the rows that are fitted."""


def log_capacity(features: Features) -> Floats:
    """The natural logarithm of the scaled capacity; of nothing, as of 1."""
    return np.log(np.maximum(features.scaled_capacity, 1.0))


def log_macs(features: Features) -> Floats:
    """The natural logarithm of the multiply-accumulates; of nothing, as of 1."""
    return np.log(np.maximum(features.macs, 1))


def _log_params(features: Features) -> Floats:
    return np.log(np.maximum(features.params, 1))


def _parabola(features: Features, span: tuple[float, float]) -> tuple[Floats, ...]:
    """A parabola inside the span and its tangents outside, where it would turn or run away."""
    x = log_capacity(features)
    inside = np.clip(x, *span)
    return x, inside * (2 * x - inside)


@dataclass(frozen=True)
class Form:
    """A form that is linear in its weights; `of_capacity` where it looks at nothing but capacity.

    `penalty` shrinks the weights of columns that were scaled to unit variance, as if there were so many more rows
    that show no effect (ridge regression).
    """

    title: str
    columns: Columns
    of_capacity: bool = False
    penalty: float = 0.0

    def fit(self, features: Features, metric: Floats) -> Curve:
        """The least-squares curve through rows."""
        x = log_capacity(features)
        span = float(x.min()), float(x.max())
        design = np.stack([*self.columns(features, span), np.zeros(len(metric))], axis=1)[:, :-1]
        middle, scale = design.mean(axis=0), design.std(axis=0)
        scale = np.where(scale > 1e-9 * np.abs(middle), scale, np.inf)  # a column that never changes has no weight
        level = float(metric.mean())
        count = design.shape[1]
        rows = np.concatenate([(design - middle) / scale, np.sqrt(self.penalty) * np.eye(count)])
        weights = np.linalg.lstsq(rows, np.concatenate([metric - level, np.zeros(count)]))[0]
        return Curve(self, span, middle, weights / scale, level)


@dataclass(frozen=True)
class Curve:
    """A fitted form."""

    form: Form
    span: tuple[float, float]
    middle: Floats
    weights: Floats
    level: float

    def __call__(self, features: Features) -> Floats:
        found = np.full(len(features), self.level)
        for column, middle, weight in zip(
            self.form.columns(features, self.span), self.middle, self.weights, strict=True
        ):
            found += (column - middle) * weight
        return found


FORMS = (
    Form("a quadratic in log capacity", _parabola, of_capacity=True),
    Form("a line in log capacity", lambda f, _: (log_capacity(f),), of_capacity=True),
    Form(
        "a ridge on the logs of capacity, MACs and parameters",
        lambda f, _: (log_capacity(f), log_macs(f), _log_params(f)),
        penalty=1.0,
    ),
    Form("a line in log MACs", lambda f, _: (log_macs(f),)),
    Form("a power law, capacity to the -1/2", lambda f, _: (np.exp(-0.5 * log_capacity(f)),), of_capacity=True),
    Form("a power law, MACs to the -1/2", lambda f, _: (np.exp(-0.5 * log_macs(f)),)),
)
"""The forms that a fit chooses among. A power law levels off, as accuracy does (Zhai et al. 2022, section 2)."""

MEAN = Form("the mean", lambda f, _: ())
"""The form that any other has to beat to be of use; it comes first, so that it wins where they are equal."""
