"""Workers that are killed, servers that stop, and what must hold after it: nothing lost, nothing twice."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.hiera_search.ledger.conftest import PARAMETERS, Server, Workers, candidates

from hiera_search.ledger import Job, Ledger, State, enqueue, open_study


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


@pytest.mark.slow
def test_fifty_killed_workers_lose_nothing_and_double_nothing(
    storage: str, workers: Workers, tmp_path: Path
) -> None:
    ledger = open_study(storage, space=PARAMETERS)
    log = tmp_path / "log"
    job = Job("nap", {"seconds": "0.03", "log": str(log)})
    keys = enqueue(ledger, candidates(300), job)
    chance, before = random.Random(0), dict[str, str]()
    running = [workers.start(storage) for _ in range(3)]
    for _ in range(50):
        time.sleep(chance.uniform(0.02, 0.4))
        victim = chance.randrange(len(running))
        workers.kill(running[victim])
        running[victim] = workers.start(storage)
        now = finished(ledger)
        assert before.items() <= now.items(), "a finished trial was lost, or finished again"
        before = now
    assert len(before) < len(keys), "the kills must come while there is work"
    until(lambda: not workers.alive(), 60, lambda: (states(ledger), workers.log.read_text()[-2000:]))

    trials = ledger.trials()
    lost = [trial for trial in trials if trial.is_lost]
    assert set(finished(ledger)) == set(keys), workers.log.read_text()[-2000:]
    assert len(trials) == len(keys) + len(lost)
    assert 10 < len(lost) <= 50
    assert states(ledger) == {State.FINISHED: len(keys), State.FAILED: len(lost)}
    # A candidate was slept on once more than workers were lost over it, at most.
    slept = Counter(log.read_text().split())
    allowed = Counter(trial.candidate.hash for trial in lost)
    assert all(slept[found] <= 1 + allowed[found] for found in slept)
    assert "Error" not in workers.log.read_text()


@pytest.mark.slow
def test_a_server_that_stops_and_starts_again_costs_nothing(server: Server, workers: Workers, tmp_path: Path) -> None:
    storage = server.new_database()
    ledger = open_study(storage)
    keys = enqueue(ledger, candidates(60), Job("nap", {"seconds": "0.05", "log": str(tmp_path / "log")}))
    for _ in range(3):
        # Workers of another machine would count as lost after this short while.
        workers.start(storage, interval=0.1, grace=1.0)
    until(lambda: len(finished(ledger)) > 5, 30, lambda: states(ledger))
    server.stop()
    time.sleep(2)
    server.start()
    again = open_study(storage)
    until(lambda: not workers.alive(), 60, lambda: (states(again), workers.log.read_text()[-2000:]))
    assert set(finished(again)) == set(keys)
    assert len(again.trials()) == len(keys)
    assert len((tmp_path / "log").read_text().split()) == len(keys)
    assert "does not answer" in workers.log.read_text() and "answers again" in workers.log.read_text()


def test_a_stopped_worker_puts_its_trial_back_at_once(storage: str, workers: Workers) -> None:
    ledger = open_study(storage)
    enqueue(ledger, candidates(1), Job("nap", {"seconds": "30"}))
    pid = workers.start(storage)
    until(lambda: states(ledger)[State.RUNNING] == 1, 20, lambda: states(ledger))
    workers.kill(pid, signal.SIGTERM)
    until(lambda: not workers.alive(), 5, lambda: workers.log.read_text())
    assert states(ledger) == {State.WAITING: 1}
    assert "is back in the queue" in workers.log.read_text()


def test_a_worker_that_is_silent_loses_its_trial_and_does_not_finish_it(storage: str, workers: Workers) -> None:
    ledger = open_study(storage)
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
