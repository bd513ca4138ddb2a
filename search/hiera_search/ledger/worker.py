"""A worker: takes trials out of a study's queue, evaluates them and keeps what it found, until there is none left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import evaluations
from hiera_search.ledger.claims import Survey, fail, finish, give_back, survey, take
from hiera_search.ledger.evaluations import Task
from hiera_search.ledger.patience import Patience
from hiera_search.ledger.queue import is_settled, latest
from hiera_search.ledger.stops import Stopped, Stops
from hiera_search.ledger.study import Ledger
from hiera_search.ledger.terms import Report, Terms
from hiera_search.ledger.trials import State, Trial
from hiera_search.ledger.workers import Heartbeat, Watch, identity

Say = Callable[[str], None]
_SOON, _LATE = 0.05, 1.0
"""Seconds between looks into an empty queue: short at first, then longer."""
_REFRESH = 5.0
"""Seconds for which a worker goes through the queue as it has read it: reading a long one takes a while."""
_MISSES = 4
"""Trials in a row that others have taken by now, after which it reads the queue again."""
_LONGEST_ERROR = 500
_COPY = "the same evaluation is in the study already"


def work(ledger: Ledger, terms: Terms | None = None, say: Say = lambda text: None) -> Report:
    """Evaluate what waits in the study, and tell words about it.

    Ends after ``most`` trials, after ``idle`` seconds without one, and when asked to stop by a signal: then the trial
    at hand goes back into the queue. Raises SpecError where the storage stays away longer than ``patience``, and where
    it cannot be written.
    """
    return _Worker(ledger, terms or Terms(), say).run(lambda seen: False)


def wait_for(ledger: Ledger, keys: Collection[str], terms: Terms | None = None, say: Say = lambda text: None) -> Report:
    """Evaluate these keys until all are settled, be it by this worker or by others.

    Ends early when asked to stop; ``Report.signal`` says so. ``queue.latest`` has the outcome. Raises SpecError as
    ``work`` does.
    """

    def are_settled(seen: Survey) -> bool:
        found = latest(seen.trials, keys)
        return len(found) == len(set(keys)) and all(map(is_settled, found.values()))

    return _Worker(ledger, terms or Terms(), say, set(keys)).run(are_settled)


class _Worker:
    def __init__(self, ledger: Ledger, terms: Terms, say: Say, keys: Collection[str] | None = None) -> None:
        self.ledger, self.terms, self.say, self.keys = ledger, terms, say, keys
        self.identity = identity()
        self.watch = Watch(terms.grace)
        self.report = Report(warnings=ledger.storage.warnings)
        self.stops = Stops()
        self.patiently = Patience(ledger.storage, self.stops, terms.patience, say, self.watch.forget)
        self._reasons: dict[str, str | None] = {}
        self._said: set[str] = set()

    def run(self, is_done: Callable[[Survey], bool]) -> Report:
        with self.stops:
            with suppress(Stopped):
                self._loop(is_done)
            self.report.signal = self.stops.signal
        return self.report

    def _loop(self, is_done: Callable[[Survey], bool]) -> None:
        idle_since, pause = time.monotonic(), _SOON
        while self.stops.signal is None and not self._has_done_enough():
            seen = self._survey()
            if is_done(seen):
                return
            if self._work_through(seen):
                idle_since, pause = time.monotonic(), _SOON
                continue
            is_idle = self.terms.idle is not None and time.monotonic() - idle_since >= self.terms.idle
            if is_idle and not seen.in_doubt:
                return
            self._say_what_it_cannot_do()
            self.stops.pause(pause)
            pause = min(2 * pause, _LATE)

    def _say_what_it_cannot_do(self) -> None:
        for reason, number in self.report.unable.items():
            if reason not in self._said:
                self._said.add(reason)
                self.say(f"{number} waiting for another worker: {reason}")

    def _survey(self) -> Survey:
        seen = self.patiently(lambda: survey(self.ledger, self.watch))
        for trial in seen.retried:
            self.say(f"trial {trial.number}: {trial.candidate.name} lost its worker")
        self.report.waiting = len(seen.that_are(State.WAITING))
        self.report.running = len(seen.that_are(State.RUNNING))
        self.report.unable = {}
        return seen

    def _work_through(self, seen: Survey) -> bool:
        """Evaluate what waited, until the view of it is too old; False where there was nothing to take."""
        start, misses, has_worked = time.monotonic(), 0, False
        for trial in filter(self._can_run, self._first_of_each(seen)):
            if self._has_done_enough() or self.stops.signal is not None:
                break
            if self.patiently(lambda trial=trial: take(self.ledger, trial, self.identity)):  # type: ignore[misc]
                self.report.waiting -= 1
                self._evaluate(trial)
                has_worked, misses = True, 0
            else:
                misses += 1
            if misses == _MISSES or time.monotonic() - start > _REFRESH:
                break
        return has_worked

    def _first_of_each(self, seen: Survey) -> Iterator[Trial]:
        """What waits and nobody has evaluated; a copy, as another program may enqueue it, is failed."""
        taken = {trial.key for trial in seen.trials if trial.state in (State.RUNNING, State.FINISHED)}
        for trial in seen.that_are(State.WAITING):
            if trial.key in taken:
                self.patiently(lambda trial=trial: fail(self.ledger, trial, _COPY))  # type: ignore[misc]
            else:
                taken.add(trial.key)
                if self.keys is None or trial.key in self.keys:
                    yield trial

    def _has_done_enough(self) -> bool:
        return self.terms.most is not None and self.report.finished + self.report.failed >= self.terms.most

    def _can_run(self, trial: Trial) -> bool:
        # Asked once for each regime: it may import torch.
        kind = json.dumps([trial.job.evaluation, dict(trial.job.regime)], sort_keys=True)
        if kind not in self._reasons:
            self._reasons[kind] = evaluations.unable(Task(trial.candidate, trial.job))
        reason = self._reasons[kind]
        if reason is not None:
            self.report.unable[reason] = self.report.unable.get(reason, 0) + 1
        return reason is None

    def _evaluate(self, trial: Trial) -> None:
        name = f"trial {trial.number}: {trial.candidate.name}"
        self.say(f"{name}, {trial.job.evaluation} ...")
        try:
            with Heartbeat(self.ledger, trial, self.terms.interval), self.stops.interruptible():
                figures = evaluations.evaluate(Task(trial.candidate, trial.job))
        except Stopped:
            self._give_back(trial, name)
            raise
        except Exception as error:  # noqa: BLE001 - a candidate that cannot be evaluated ends no worker
            reason = _words(error)
            self.patiently(lambda: fail(self.ledger, trial, reason))
            self.report.failed += 1
            self.say(f"{name} failed: {reason}")
            return
        if self.patiently(lambda: finish(self.ledger, trial, self.identity, figures)):
            self.report.finished += 1
            self.say(f"{name}: {', '.join(f'{key} {value:.4g}' for key, value in figures.items())}")
        else:
            self.report.taken_over += 1
            self.say(f"{name} was taken over by another worker, since this one gave no sign of life")

    def _give_back(self, trial: Trial, name: str) -> None:
        try:
            give_back(self.ledger, trial)
        except Exception as error:
            if not self.ledger.storage.is_outage(error):
                raise
            self.say(f"{name} could not be put back, and is evaluated again when the storage is there")
        else:
            self.say(f"{name} is back in the queue")


def _words(error: Exception) -> str:
    """What went wrong with an evaluation, on one line."""
    if isinstance(error, SpecError):
        first = error.diagnostics[0]
        return f"{first.code}: {first.message}"[:_LONGEST_ERROR]
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}"[:_LONGEST_ERROR] if lines else type(error).__name__
