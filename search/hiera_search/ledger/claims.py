"""Trials on their way: taken by one worker at a time, finished once, and taken from workers that are lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hiera_search.ledger.queue import ATTEMPTS, latest, retry_of
from hiera_search.ledger.trials import State, Trial

if TYPE_CHECKING:
    from hiera_search.ledger.study import Ledger
    from hiera_search.ledger.workers import Watch


@dataclass(frozen=True)
class Survey:
    """A study as one worker sees it at one time."""

    trials: Sequence[Trial]
    retried: Sequence[Trial] = ()
    """Trials whose workers were found to be lost."""
    in_doubt: bool = False
    """Whether a running trial may turn out to have lost its worker."""

    def that_are(self, state: State) -> list[Trial]:
        """Its trials in a state, the oldest first."""
        return [trial for trial in self.trials if trial.state is state]


def survey(ledger: Ledger, watch: Watch) -> Survey:
    """The trials, after those whose workers were lost were put back into the queue."""
    trials = ledger.trials()
    lost = [trial for trial in trials if trial.state is State.RUNNING and watch.is_lost(trial)]
    if lost or _to_retry(trials):
        for trial in lost:
            where = f"{trial.worker.get('host', 'unknown')}, process {trial.worker.get('pid', 'unknown')}"
            given_up = "" if trial.attempt < ATTEMPTS else f"; given up after {ATTEMPTS} attempts"
            fail(ledger, trial, f"its worker ended without a word ({where}){given_up}", lost=True)
        with ledger.storage.exclusive("keys"):
            for trial in _to_retry(ledger.trials()):
                ledger.study.add_trial(retry_of(trial))
        trials = ledger.trials()
    return Survey(trials, lost, any(map(watch.is_in_doubt, trials)))


def take(ledger: Ledger, trial: Trial, worker: Mapping[str, Any]) -> bool:
    """Whether a waiting trial is this worker's now. May be repeated when its answer was lost."""
    from optuna.trial import TrialState

    with ledger.storage.exclusive("claims"):
        now = ledger.trial(trial.id)
        if now is None or now.state is not State.WAITING:
            return now is not None and now.state is State.RUNNING and now.worker.get("id") == worker["id"]
        # The name comes first: a trial that runs has a worker, wherever this one may be killed.
        ledger.optuna.set_trial_user_attr(trial.id, "worker", dict(worker))
        return ledger.optuna.set_trial_state_values(trial.id, TrialState.RUNNING)


def finish(ledger: Ledger, trial: Trial, worker: Mapping[str, Any], figures: Mapping[str, float]) -> bool:
    """Keep what an evaluation found; False where the trial is another worker's by now, or given up.

    May be repeated when its answer was lost. A figure named ``objective`` goes before the score known until then.
    """
    from optuna import Trial as Open
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    from hiera_search.ledger.versions import versions

    score = figures.get("objective", trial.candidate.score)
    try:
        ledger.optuna.set_trial_user_attr(trial.id, "found", {"figures": dict(figures), "versions": versions()})
        constraints = trial.candidate.constraints(figures)
        opened = Open(ledger.study, trial.id) if constraints else None
        for name, value in constraints.items():
            if opened is not None and name not in opened.constraints:
                opened.set_constraint(name, value)
        ledger.optuna.set_trial_state_values(trial.id, TrialState.COMPLETE, [score])
    except UpdateFinishedTrialError:
        now = ledger.trial(trial.id)
        return now is not None and now.state is State.FINISHED and now.worker.get("id") == worker["id"]
    return True


def fail(ledger: Ledger, trial: Trial, error: str, lost: bool = False) -> None:
    """Keep why a trial has no figures; one that is over already stays as it is."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        ledger.optuna.set_trial_user_attr(trial.id, "failure", {"error": error, "lost": lost})
        ledger.optuna.set_trial_state_values(trial.id, TrialState.FAIL)
    except UpdateFinishedTrialError:
        return


def give_back(ledger: Ledger, trial: Trial) -> None:
    """Put a trial back into the queue, unfinished; one that is over already stays as it is."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        ledger.optuna.set_trial_state_values(trial.id, TrialState.WAITING)
    except UpdateFinishedTrialError:
        return


def _to_retry(trials: Iterable[Trial]) -> list[Trial]:
    """The last trials of candidates over which workers were lost, and which nobody has enqueued again.

    They are found from the study alone, since a worker may be killed before it could enqueue what it has failed.
    """
    return [trial for trial in latest(trials).values() if trial.is_lost and trial.attempt < ATTEMPTS]
