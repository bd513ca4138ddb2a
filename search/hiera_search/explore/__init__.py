"""Looking for the best candidates of a space within budgets."""

from hiera_search.explore.budgets import Budgets, Limits, margin
from hiera_search.explore.outcome import outcome
from hiera_search.explore.request import Request, read_request
from hiera_search.explore.results import leave
from hiera_search.explore.search import Found, Search
from hiera_search.explore.study import check_study

__all__ = [
    "Budgets",
    "Found",
    "Limits",
    "Request",
    "Search",
    "check_study",
    "leave",
    "margin",
    "outcome",
    "read_request",
]
