"""The queue of evaluations: each is asked for once, taken by one worker at a time, and finished once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hiera_search.ledger.parameters import chosen, distributions
from hiera_search.ledger.trials import PREDICTED, Candidate, Job, Regime, State, Trial, attributes

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from hiera_search.ledger.study import Ledger
    from hiera_search.ledger.workers import Watch

ATTEMPTS = 3
"""Workers that may be lost over one candidate before it is given up: it may be what ends them."""


def record(ledger: Ledger, candidates: Iterable[Candidate], regime: Regime) -> None:
    """Keep candidates with what is known of them cheaply, as finished trials; those that are there stay as they are."""
    job = Job(PREDICTED, regime)
    with ledger.storage.exclusive():
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
    with ledger.storage.exclusive():
        latest = {trial.key: trial for trial in ledger.trials()}
        settled = {key for key, trial in latest.items() if not (again and trial.state is State.FAILED)}
        for candidate in candidates:
            if (key := job.key(candidate.hash)) not in settled:
                settled.add(key)
                ledger.study.add_trial(_frozen(ledger, candidate, job))
    return [job.key(candidate.hash) for candidate in candidates]


def finished(ledger: Ledger, job: Job) -> dict[str, Mapping[str, float]]:
    """What an evaluation has found in a regime, by the hash of the spec."""
    done = (trial for trial in ledger.trials() if trial.state is State.FINISHED and trial.job == job)
    return {trial.candidate.hash: trial.figures for trial in done}


def latest(ledger: Ledger, keys: Collection[str]) -> dict[str, Trial]:
    """The last trial of each key that is in the study; of several, the finished one."""
    found: dict[str, Trial] = {}
    for trial in ledger.trials():
        if trial.key in keys and not (trial.key in found and found[trial.key].state is State.FINISHED):
            found[trial.key] = trial
    return found


def is_settled(trial: Trial) -> bool:
    """Whether nothing more will happen to a candidate, after its last trial."""
    return trial.state is State.FINISHED or (
        trial.state is State.FAILED and not (trial.is_lost and trial.attempt < ATTEMPTS)
    )


@dataclass(frozen=True)
class Claim:
    """What a worker found in the queue: a trial that is its own now, or none."""

    trial: Trial | None
    waiting: int
    running: int
    in_doubt: bool = False
    """Whether a running trial may turn out to have lost its worker."""
    retried: tuple[Trial, ...] = ()


def claim(ledger: Ledger, worker: Mapping[str, Any], watch: Watch, can_run: Callable[[Trial], bool]) -> Claim:
    """Take a waiting trial, after those whose workers were lost were put back into the queue."""
    with ledger.storage.exclusive():
        trials = ledger.trials()
        mine = [trial for trial in trials if trial.state is State.RUNNING and trial.worker.get("id") == worker["id"]]
        if mine:  # The answer to an earlier claim was lost.
            return Claim(mine[0], 0, 0)
        retried = tuple(_lost(ledger, trials, watch))
        if _retry(ledger, trials, retried) or retried:
            trials = ledger.trials()
        taken = {trial.key for trial in trials if trial.state in (State.RUNNING, State.FINISHED)}
        waiting = [trial for trial in trials if trial.state is State.WAITING]
        running = [trial for trial in trials if trial.state is State.RUNNING]
        own = next((trial for trial in waiting if _is_first(ledger, trial, taken) and can_run(trial)), None)
        if own is not None:
            own = _taken(ledger, own, worker)
        return Claim(own, len(waiting), len(running), any(map(watch.is_in_doubt, running)), retried)


def finish(ledger: Ledger, trial: Trial, worker: Mapping[str, Any], figures: Mapping[str, float]) -> bool:
    """Keep what an evaluation found; False where the trial is another worker's by now, or given up.

    May be repeated when its answer was lost. A figure named ``score`` goes before the score known until then.
    """
    from optuna import Trial as Open
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    from hiera_search.ledger.versions import versions

    score = figures.get("score", trial.candidate.score)
    try:
        ledger.optuna.set_trial_user_attr(trial.id, "figures", dict(figures))
        ledger.optuna.set_trial_user_attr(trial.id, "versions", versions())
        told = ledger.optuna.get_trial(trial.id).constraints
        for name, value in trial.candidate.constraints(figures).items():
            if name not in told:
                Open(ledger.study, trial.id).set_constraint(name, value)
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
        ledger.optuna.set_trial_user_attr(trial.id, "error", error)
        ledger.optuna.set_trial_user_attr(trial.id, "lost", lost)
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


def _taken(ledger: Ledger, trial: Trial, worker: Mapping[str, Any]) -> Trial | None:
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        # The name comes first: a trial that runs has a worker, wherever this one may be killed.
        ledger.optuna.set_trial_user_attr(trial.id, "worker", dict(worker))
        is_ours = ledger.optuna.set_trial_state_values(trial.id, TrialState.RUNNING)
    except UpdateFinishedTrialError:
        return None
    return trial if is_ours else None


def _is_first(ledger: Ledger, trial: Trial, taken: Collection[str]) -> bool:
    """Whether nobody has evaluated the same before; a copy, as a program of others may enqueue it, is failed."""
    if trial.key in taken:
        fail(ledger, trial, "the same evaluation is in the study already")
        return False
    return True


def _lost(ledger: Ledger, trials: Sequence[Trial], watch: Watch) -> Iterable[Trial]:
    for trial in trials:
        if trial.state is State.RUNNING and watch.is_lost(trial):
            where = f"{trial.worker.get('host', 'unknown')}, process {trial.worker.get('pid', 'unknown')}"
            attempts = "" if trial.attempt < ATTEMPTS else f"; given up after {ATTEMPTS} attempts"
            fail(ledger, trial, f"its worker ended without a word ({where}){attempts}", lost=True)
            yield trial


def _retry(ledger: Ledger, trials: Sequence[Trial], lost_now: Collection[Trial]) -> bool:
    """Enqueue again what workers were lost over, now or in a process that was killed before it could."""
    last = {trial.key: trial for trial in trials}
    done = {trial.key for trial in trials if trial.state is State.FINISHED}
    ids = {trial.id for trial in lost_now}
    again = [trial for key, trial in last.items() if key not in done and (trial.is_lost or trial.id in ids)]
    again = [trial for trial in again if trial.attempt < ATTEMPTS]
    for trial in again:
        ledger.study.add_trial(_frozen(ledger, trial.candidate, trial.job, trial.attempt + 1))
    return bool(again)


def _frozen(ledger: Ledger, candidate: Candidate, job: Job, attempt: int = 1, is_known: bool = False) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    values = chosen(ledger.parameters, candidate.choice)
    every = distributions(ledger.parameters)
    return create_trial(
        state=TrialState.COMPLETE if is_known else TrialState.WAITING,
        value=candidate.score if is_known else None,
        params=values,
        distributions={name: every[name] for name in values},
        user_attrs=attributes(candidate, job, attempt),
        constraints=candidate.constraints() if is_known else None,
    )
