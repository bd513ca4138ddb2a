"""The half-width of a 90 % interval, from errors on rows that were left out."""

from __future__ import annotations

from math import inf, isinf, sqrt

import numpy as np

from hiera_compiler.estimate.conformal import spread
from hiera_search.accuracy.scores import Floats

_STUDENT = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86)
"""95 % quantiles of Student's distribution with 1, 2, ... degrees of freedom."""


def half_width(errors: Floats) -> float:
    """The half-width that a new error stays within at 90 %; infinite without two errors.

    From nine errors on it is their quantile, which promises this of any distribution (split-conformal prediction).
    Of fewer no quantile can, and errors are taken as normal: Student's quantile of as many, less one.
    """
    found = spread(errors.tolist())
    if not isinf(found) or len(errors) < 2:
        return found
    return _STUDENT[len(errors) - 2] * sqrt(float(np.mean(errors**2))) if np.isfinite(errors).all() else inf
