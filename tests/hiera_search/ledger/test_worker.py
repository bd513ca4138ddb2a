"""What a worker does with each trial, and when it ends."""

import signal
import threading
from collections.abc import Callable

import pytest

from hiera_search.ledger import Job, Ledger, State, Terms, enqueue, wait_for, work
from hiera_search.ledger.claims import survey, take
from hiera_search.ledger.workers import Watch, identity
from tests.support.workers import candidates

Nap = Callable[..., Job]


def test_a_worker_evaluates_what_waits_and_ends_when_idle(ledger: Ledger, nap: Nap) -> None:
    enqueue(ledger, candidates(3), nap())
    report = work(ledger, Terms(idle=0))
    assert (report.finished, report.failed, report.waiting, report.signal) == (3, 0, 0, None)
    (trial, *_) = ledger.trials()
    assert trial.figures == {"seconds": 0.0, "latency_ms": 2.0}
    assert trial.worker["host"]
    assert {"hiera", "optuna", "python"} <= trial.frozen.user_attrs["found"]["versions"].keys()


def test_a_worker_ends_after_as_many_trials_as_it_was_told(ledger: Ledger, nap: Nap) -> None:
    enqueue(ledger, candidates(3), nap())
    report = work(ledger, Terms(most=2))
    assert (report.finished, report.waiting) == (2, 1)


def test_an_evaluation_that_fails_ends_no_worker(ledger: Ledger, nap: Nap) -> None:
    broken = [one for name in ("broken", "endless", "n") for one in candidates(3, name)]
    different = [type(one)(**{**vars(one), "hash": f"{index:064x}"}) for index, one in enumerate(broken)]
    said: list[str] = []
    enqueue(ledger, different, nap())
    report = work(ledger, Terms(idle=0), said.append)
    assert (report.finished, report.failed) == (3, 6)
    assert ledger.trials()[0].error == "RuntimeError: no luck with this one"
    assert ledger.trials()[3].error == "H680: the evaluation 'nap' gave nan as 'seconds'"
    assert "trial 0: broken0 failed: RuntimeError: no luck with this one" in said


def test_what_cannot_be_evaluated_here_is_left_for_others(ledger: Ledger, nap: Nap) -> None:
    enqueue(ledger, candidates(2), nap(bed="double"))
    enqueue(ledger, candidates(1), Job("dream"))
    enqueue(ledger, candidates(1), nap())
    report = work(ledger, Terms(idle=0))
    assert report.finished == 1
    assert report.unable == {"there is no bed": 2, "no evaluation is named 'dream'": 1}
    assert [trial.state for trial in ledger.trials()] == [*[State.WAITING] * 3, State.FINISHED]


def test_waiting_for_some_leaves_the_rest(ledger: Ledger, nap: Nap) -> None:
    enqueue(ledger, candidates(4), nap())
    keys = enqueue(ledger, candidates(2), nap(0.001))
    assert wait_for(ledger, keys).finished == 2
    assert [trial.state for trial in ledger.trials()] == [State.WAITING] * 4 + [State.FINISHED] * 2


def test_a_copy_that_another_program_enqueued_is_not_evaluated(ledger: Ledger, nap: Nap) -> None:
    enqueue(ledger, candidates(1), nap())
    ledger.study.add_trial(ledger.trials()[0].frozen)
    assert work(ledger, Terms(idle=0)).finished == 1
    assert [trial.state for trial in ledger.trials()] == [State.FINISHED, State.FAILED]
    assert ledger.trials()[1].error == "the same evaluation is in the study already"


def test_a_signal_puts_the_trial_back_and_ends_the_worker(ledger: Ledger, nap: Nap) -> None:
    enqueue(ledger, candidates(1), nap(30))
    before = signal.getsignal(signal.SIGTERM)
    main = threading.main_thread().ident or 0
    threading.Timer(0.5, signal.pthread_kill, [main, signal.SIGTERM]).start()
    said: list[str] = []
    report = work(ledger, Terms(), said.append)
    assert report.signal == signal.SIGTERM
    assert ledger.trials()[0].state is State.WAITING
    assert said[-1] == "trial 0: n0 is back in the queue"
    assert signal.getsignal(signal.SIGTERM) is before


def lose(ledger: Ledger, **changes: object) -> None:
    """Take what waits, in the name of a process that is not there."""
    for trial in ledger.trials():
        if trial.state is State.WAITING:
            assert take(ledger, trial, {**identity(), "started": "never", **changes})


def test_a_dead_worker_of_this_machine_is_seen_at_once_and_its_trial_done_again(ledger: Ledger, nap: Nap) -> None:
    keys = enqueue(ledger, candidates(1), nap())
    lose(ledger)
    wait_for(ledger, keys)
    lost, done = ledger.trials()
    assert lost.is_lost
    assert lost.error is not None
    assert "ended without a word" in lost.error
    assert (done.state, done.attempt, done.key) == (State.FINISHED, 2, lost.key)


def test_three_lost_workers_are_enough_for_one_candidate(ledger: Ledger, nap: Nap) -> None:
    keys = enqueue(ledger, candidates(1), nap())
    for _ in range(3):
        lose(ledger)
        survey(ledger, Watch())
    assert wait_for(ledger, keys).finished == 0
    assert [trial.attempt for trial in ledger.trials()] == [1, 2, 3]
    assert (ledger.trials()[-1].error or "").endswith("; given up after 3 attempts")


def test_a_retry_that_was_cut_off_is_made_up_for(ledger: Ledger, nap: Nap, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = enqueue(ledger, candidates(1), nap())
    lose(ledger)
    with monkeypatch.context() as patch:
        # As if killed between the two changes.
        patch.setattr("hiera_search.ledger.claims._to_retry", lambda trials: [])
        survey(ledger, Watch())
    assert [trial.state for trial in ledger.trials()] == [State.FAILED]
    assert wait_for(ledger, keys).finished == 1


def test_a_silent_worker_of_another_machine_counts_as_lost_after_the_grace(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(ledger, candidates(1), Job("nap"))
    lose(ledger, machine="another one")
    now = [1000.0]
    monkeypatch.setattr("hiera_search.ledger.workers.time.monotonic", lambda: now[0])
    watch = Watch(grace=60)

    def is_lost_after(seconds: float) -> bool:
        now[0] += seconds
        return watch.is_lost(ledger.trials()[0])

    assert not is_lost_after(0)
    assert watch.is_in_doubt(ledger.trials()[0])
    assert not is_lost_after(59)
    ledger.optuna.set_trial_user_attr(ledger.trials()[0].id, "heartbeat", 1)
    assert not is_lost_after(59), "it has given a sign of life"
    assert not watch.is_in_doubt(ledger.trials()[0])
    now[0] += 30
    watch.forget()
    assert not is_lost_after(59), "nobody could give a sign of life while the storage was away"
    assert is_lost_after(61)


def test_an_idle_worker_stays_until_a_silent_one_is_proven_dead(ledger: Ledger, nap: Nap) -> None:
    enqueue(ledger, candidates(1), nap())
    lose(ledger, machine="another one")
    assert work(ledger, Terms(idle=0, grace=0.3)).finished == 1


def test_a_long_trial_gives_signs_of_life(ledger: Ledger, nap: Nap) -> None:
    wait_for(ledger, enqueue(ledger, candidates(1), nap(0.5)), Terms(interval=0.1))
    assert ledger.trials()[0].heartbeat in range(2, 50)
