"""How wrong fits are on rows that they have not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hiera_search.accuracy.forms import Form
from hiera_search.accuracy.scores import Features, Flags, Floats

FOLDS = 32
"""Up to so many rows, one row is left out at a time; of more rows, every 32nd."""
PAIRS = 64
"""Pairs of neighbours whose difference is predicted, at most."""

Admits = Callable[[Form, Features, Floats, Floats], bool]
"""Whether a form may be chosen, given the rows and what it predicts of each of them unseen."""


def predictions(form: Form, features: Features, metric: Floats) -> Floats:
    """What a form predicts of each row, fitted without it."""
    found = np.empty(len(metric))
    for out in _folds(len(metric)):
        found[out] = form.fit(features.take(~out), metric[~out])(features.take(out))
    return found


def choose(forms: Sequence[Form], features: Features, metric: Floats, admits: Admits | None = None) -> Form:
    """The form with the least mean error on rows left out, the earlier of equals; the first where none is admitted."""
    best, least = forms[0], np.inf
    for form in forms:
        predicted = predictions(form, features, metric)
        error = float(np.abs(metric - predicted).mean())
        if error < least and (admits is None or admits(form, features, metric, predicted)):
            best, least = form, error
    return best


def chosen_predictions(
    forms: Sequence[Form], features: Features, metric: Floats, admits: Admits | None = None
) -> Floats:
    """What the form chosen without a row predicts of it.

    The error of the form that was chosen with all rows would flatter: of several forms, some fit by chance.
    """
    found = np.empty(len(metric))
    for out in _folds(len(metric)):
        rest, known = features.take(~out), metric[~out]
        found[out] = choose(forms, rest, known, admits).fit(rest, known)(features.take(out))
    return found


def gap_errors(form: Form, features: Features, metric: Floats) -> Floats:
    """The errors in predicting how much better a row is than its neighbour, fitted without both.

    Neighbours follow each other in what the form predicts. The error that they share is not in it.
    """
    order = np.argsort(form.fit(features, metric)(features), kind="stable")
    starts = np.unique(np.linspace(0, len(order) - 2, min(len(order) - 1, PAIRS)).astype(np.intp))
    found = np.empty(len(starts))
    for index, start in enumerate(starts):
        pair = order[start : start + 2]
        rest = np.delete(np.arange(len(order)), pair)
        predicted = form.fit(features.take(rest), metric[rest])(features.take(pair))
        found[index] = (metric[pair[1]] - metric[pair[0]]) - (predicted[1] - predicted[0])
    return found


def _folds(count: int) -> Iterator[Flags]:
    fold = np.arange(count) % min(count, FOLDS)
    for index in range(min(count, FOLDS)):
        yield fold == index
