"""The ledger: an Optuna study that holds what was evaluated and what waits to be, and the workers that share it."""

from hiera_search.ledger.queue import enqueue, finished, is_settled, latest, record
from hiera_search.ledger.sampling import Explored, Judgement, explore_with_optuna, propose
from hiera_search.ledger.study import Ledger, open_study
from hiera_search.ledger.terms import Report, Terms
from hiera_search.ledger.trials import Candidate, Job, State, Trial
from hiera_search.ledger.worker import wait_for, work

__all__ = [
    "Candidate",
    "Explored",
    "Job",
    "Judgement",
    "Ledger",
    "Report",
    "State",
    "Terms",
    "Trial",
    "enqueue",
    "explore_with_optuna",
    "finished",
    "is_settled",
    "latest",
    "open_study",
    "propose",
    "record",
    "wait_for",
    "work",
]
