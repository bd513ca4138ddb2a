"""Workers that are killed, servers that stop, and what must hold after it: nothing lost, nothing twice."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from hiera_search.ledger import Job, Ledger, State, enqueue, open_study
from tests.support.postgres import Server
from tests.support.workers import Workers, candidates


def until(holds: Callable[[], bool], seconds: float, what: Callable[[], object]) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


def states(ledger: Ledger) -> Counter[State]:
    return Counter(trial.state for trial in ledger.trials())


def finished(ledger: Ledger) -> dict[str, str]:
    """The key of each finished trial, with when it was finished."""
    found = [trial for trial in ledger.trials() if trial.state is State.FINISHED]
    assert len({trial.key for trial in found}) == len(found), "a candidate was finished twice"
    return {trial.key: str(trial.frozen.datetime_complete) for trial in found}


def at_work(ledger: Ledger, workers: Workers) -> list[int]:
    """The processes that have a trial."""
    alive = workers.alive()
    running = [trial.worker.get("pid") for trial in ledger.trials() if trial.state is State.RUNNING]
    return [pid for pid in alive if pid in running]


@pytest.mark.slow
def test_fifty_killed_workers_lose_nothing_and_double_nothing(
    ledger: Ledger, storage: str, workers: Workers, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    job = Job("nap", {"seconds": "0.05", "log": str(log)})
    # A few wait at any time, so that the kills come while there is work, however fast the machine is.
    asked = iter(candidates(2000))
    keys = enqueue(ledger, islice(asked, 4), job)
    chance, before = random.Random(0), dict[str, str]()
    for _ in range(3):
        workers.start(storage)
    for _ in range(50):
        keys += enqueue(ledger, islice(asked, max(0, 4 - states(ledger)[State.WAITING])), job)
        until(lambda: bool(at_work(ledger, workers)), 30, lambda: workers.log.read_text()[-2000:])
        victim = chance.choice(at_work(ledger, workers) or workers.alive())
        time.sleep(chance.uniform(0.0, 0.1))  # It may claim, sleep, tell or claim the next one by then.
        workers.kill(victim)
        workers.start(storage)
        now = finished(ledger)
        assert before.items() <= now.items(), "a finished trial was lost, or finished again"
        before = now
    until(lambda: not workers.alive(), 60, lambda: (states(ledger), workers.log.read_text()[-2000:]))

    trials = ledger.trials()
    lost = [trial for trial in trials if trial.is_lost]
    attempts = Counter(trial.key for trial in lost)
    given_up = {key for key, count in attempts.items() if count == 3}
    assert set(finished(ledger)) == set(keys) - given_up, workers.log.read_text()[-2000:]
    assert len(trials) == len(keys) + len(lost) - len(given_up)
    assert 10 < len(lost) <= 50
    assert states(ledger) == {State.FINISHED: len(keys) - len(given_up), State.FAILED: len(lost)}
    # A candidate was slept on once more than workers were lost over it, at most.
    slept = Counter(log.read_text().split())
    allowed = Counter(trial.candidate.hash for trial in lost)
    assert all(slept[found] <= 1 + allowed[found] for found in slept)
    assert "Error" not in workers.log.read_text()


@pytest.mark.slow
def test_a_server_that_stops_and_starts_again_costs_nothing(server: Server, workers: Workers, tmp_path: Path) -> None:
    storage = server.new_database()
    job = Job("nap", {"seconds": "0.05", "log": str(tmp_path / "log")})
    with open_study(storage) as ledger:
        keys = enqueue(ledger, candidates(60), job)
        for _ in range(3):
            # Workers of another machine would count as lost after this short while.
            workers.start(storage, interval=0.1, grace=1.0)
        until(lambda: len(finished(ledger)) > 5, 30, lambda: states(ledger))
    server.stop()
    time.sleep(2)
    server.start()
    until(lambda: not workers.alive(), 60, lambda: workers.log.read_text()[-2000:])
    with open_study(storage) as ledger:
        assert set(finished(ledger)) == set(keys)
        assert len(ledger.trials()) == len(keys)
    assert len((tmp_path / "log").read_text().split()) == len(keys)
    assert "does not answer" in workers.log.read_text()
    assert "answers again" in workers.log.read_text()


def test_a_stopped_worker_puts_its_trial_back_at_once(ledger: Ledger, storage: str, workers: Workers) -> None:
    enqueue(ledger, candidates(1), Job("nap", {"seconds": "30"}))
    pid = workers.start(storage)
    until(lambda: states(ledger)[State.RUNNING] == 1, 20, lambda: states(ledger))
    workers.kill(pid, signal.SIGTERM)
    until(lambda: not workers.alive(), 5, lambda: workers.log.read_text())
    assert states(ledger) == {State.WAITING: 1}
    assert "is back in the queue" in workers.log.read_text()


def test_a_worker_that_is_silent_loses_its_trial_and_does_not_finish_it(
    ledger: Ledger, storage: str, workers: Workers
) -> None:
    (key,) = enqueue(ledger, candidates(1), Job("nap", {"seconds": "0.5"}))
    slow = workers.start(storage, interval=0.1, grace=0.5)
    until(lambda: states(ledger)[State.RUNNING] == 1, 20, lambda: states(ledger))
    workers.kill(slow, signal.SIGSTOP)
    disguise(ledger)
    workers.start(storage, interval=0.1, grace=0.5)
    until(lambda: states(ledger)[State.FINISHED] == 1, 20, lambda: (states(ledger), workers.log.read_text()))
    workers.kill(slow, signal.SIGCONT)
    until(lambda: not workers.alive(), 20, lambda: workers.log.read_text())
    assert "was taken over by another worker" in workers.log.read_text()
    assert [trial.state for trial in ledger.trials()] == [State.FAILED, State.FINISHED]
    assert set(finished(ledger)) == {key}


def disguise(ledger: Ledger) -> None:
    """Make the running trials look as if their workers were on other machines."""
    for trial in ledger.trials():
        if trial.state is State.RUNNING:
            ledger.optuna.set_trial_user_attr(trial.id, "worker", {**trial.worker, "machine": "another one"})
