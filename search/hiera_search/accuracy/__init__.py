"""How good a candidate will be, as a ladder of estimators; every figure says which rung it is from."""

from hiera_search.accuracy.discovery import estimator, estimators, ladder
from hiera_search.accuracy.estimator import Estimator
from hiera_search.accuracy.features import features
from hiera_search.accuracy.proxy import Proxy
from hiera_search.accuracy.rows import Rows, read_rows
from hiera_search.accuracy.scores import Features, Scores, tied
from hiera_search.accuracy.validation import Validation, validate

__all__ = [
    "Estimator",
    "Features",
    "Proxy",
    "Rows",
    "Scores",
    "Validation",
    "estimator",
    "estimators",
    "features",
    "ladder",
    "read_rows",
    "tied",
    "validate",
]
