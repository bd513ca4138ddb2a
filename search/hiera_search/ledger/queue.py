"""What a study is asked to evaluate, and what it knows: each candidate once, whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from hiera_search.ledger.parameters import chosen, distributions
from hiera_search.ledger.trials import PREDICTED, Candidate, Job, Regime, State, Trial, attributes

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from hiera_search.ledger.study import Ledger

ATTEMPTS = 3
"""Workers that may be lost over one candidate before it is given up: it may be what ends them."""


def record(ledger: Ledger, candidates: Iterable[Candidate], regime: Regime) -> None:
    """Keep candidates with what is known of them cheaply, as finished trials; those that are there stay as they are."""
    job = Job(PREDICTED, regime)
    with ledger.storage.exclusive("keys"):
        known = {trial.key for trial in ledger.trials()}
        for candidate in candidates:
            if job.key(candidate.hash) not in known:
                known.add(job.key(candidate.hash))
                ledger.study.add_trial(_frozen(ledger, candidate, job, is_known=True))


def enqueue(ledger: Ledger, candidates: Iterable[Candidate], job: Job, again: bool = False) -> list[str]:
    """The keys of the candidates' evaluations, each of which is waiting, running or finished from now on.

    One that failed stays so, unless ``again``.
    """
    candidates = list(candidates)
    with ledger.storage.exclusive("keys"):
        last = latest(ledger.trials())
        settled = {key for key, trial in last.items() if not (again and trial.state is State.FAILED)}
        for candidate in candidates:
            if (key := job.key(candidate.hash)) not in settled:
                settled.add(key)
                ledger.study.add_trial(_frozen(ledger, candidate, job))
    return [job.key(candidate.hash) for candidate in candidates]


def finished(ledger: Ledger, job: Job) -> dict[str, Mapping[str, float]]:
    """What an evaluation has found in a regime, by the hash of the spec."""
    done = (trial for trial in ledger.trials() if trial.state is State.FINISHED and trial.job == job)
    return {trial.candidate.hash: trial.figures for trial in done}


def latest(trials: Iterable[Trial], keys: Collection[str] | None = None) -> dict[str, Trial]:
    """The last trial of each key, by default of all; of several, the finished one."""
    wanted = None if keys is None else set(keys)
    found: dict[str, Trial] = {}
    for trial in trials:
        is_over = trial.key in found and found[trial.key].state is State.FINISHED
        if not is_over and (wanted is None or trial.key in wanted):
            found[trial.key] = trial
    return found


def is_settled(trial: Trial) -> bool:
    """Whether nothing more will happen to a candidate, after its last trial."""
    return trial.state is State.FINISHED or (
        trial.state is State.FAILED and not (trial.is_lost and trial.attempt < ATTEMPTS)
    )


def retry_of(trial: Trial) -> FrozenTrial:
    """A trial for Optuna that waits for another attempt at the same."""
    from optuna.trial import TrialState, create_trial

    return create_trial(
        state=TrialState.WAITING,
        params=trial.frozen.params,
        distributions=trial.frozen.distributions,
        user_attrs=attributes(trial.candidate, trial.job, trial.attempt + 1),
    )


def _frozen(ledger: Ledger, candidate: Candidate, job: Job, is_known: bool = False) -> FrozenTrial:
    """A trial for Optuna: of a candidate that waits for its evaluation, or is finished with what is known of it."""
    from optuna.trial import TrialState, create_trial

    values = chosen(ledger.parameters, candidate.choice)
    every = distributions(ledger.parameters)
    return create_trial(
        state=TrialState.COMPLETE if is_known else TrialState.WAITING,
        value=candidate.score if is_known else None,
        params=values,
        distributions={name: every[name] for name in values},
        user_attrs=attributes(candidate, job),
        constraints=candidate.constraints() if is_known else None,
    )
