"""Each evaluation is asked for once, by whoever; what is known stays known."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from optuna.trial import TrialState, create_trial

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import Job, Ledger, State, enqueue, finished, latest, open_study, record, wait_for
from hiera_search.ledger.claims import fail, finish, take
from tests.support.workers import PARAMETERS, candidates

ME = {"id": "me", "pid": 1}


def test_what_was_asked_for_is_not_asked_for_again(ledger: Ledger) -> None:
    keys = enqueue(ledger, candidates(4), Job("nap"))
    assert enqueue(ledger, candidates(5), Job("nap"))[:4] == keys
    assert len(ledger.trials()) == 5


def test_another_regime_or_evaluation_is_other_work(ledger: Ledger) -> None:
    jobs = [Job("nap"), Job("nap", {"device": "cpu"}), Job("nap", {"device": "cuda"}), Job("measure")]
    keys = {key for job in jobs for key in enqueue(ledger, candidates(1), job)}
    assert len(keys) == len(ledger.trials()) == 4


def test_searches_that_ask_at_once_ask_once(storage: str) -> None:
    with open_study(storage, space=PARAMETERS):
        pass

    def ask(number: int) -> list[str]:
        with open_study(storage, space=PARAMETERS) as own:
            return enqueue(own, candidates(6), Job("nap"))

    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(ask, range(4)))
    assert all(keys == asked[0] for keys in asked)
    with open_study(storage, create=False) as found:
        assert Counter(trial.key for trial in found.trials()) == dict.fromkeys(asked[0], 1)


def test_a_front_is_recorded_once_with_scores_and_limits(ledger: Ledger) -> None:
    record(ledger, candidates(15), {"device": "cpu"})
    record(ledger, candidates(15), {"device": "cpu"})
    trials = ledger.study.trials
    assert len(trials) == 15
    assert trials[14].constraints == {"latency_ms": pytest.approx(0.3)}
    assert trials[14].params == {"width": "narrow", "depth": 3}
    assert ledger.study.best_trial.number == 11, "of those within the limit the one with the best score"


def test_a_floor_bounds_from_below(ledger: Ledger) -> None:
    (one,) = candidates(1)
    bounded = type(one)(**{**vars(one), "floors": {"accuracy": 84.0}, "figures": {"accuracy": 83.5}})
    assert bounded.constraints() == {"accuracy": 0.5}
    assert bounded.constraints({"accuracy": 84.5, "latency_ms": 1.0}) == pytest.approx(
        {"accuracy": -0.5, "latency_ms": -0.1}
    )


def test_figures_are_found_again_by_hash_in_their_regime_only(ledger: Ledger, nap: Callable[..., Job]) -> None:
    wait_for(ledger, enqueue(ledger, candidates(3), nap()))
    assert finished(ledger, nap()) == {one.hash: {"seconds": 0.0, "latency_ms": 2.0} for one in candidates(3)}
    assert finished(ledger, nap(0.5)) == {}


def test_what_was_measured_goes_before_what_was_predicted_in_constraints(
    ledger: Ledger, nap: Callable[..., Job]
) -> None:
    wait_for(ledger, enqueue(ledger, candidates(1), nap()))
    assert ledger.study.trials[0].constraints == {"latency_ms": pytest.approx(0.9)}
    assert ledger.study.trials[0].value == 0.0


def test_one_of_two_gets_a_trial_and_a_repeated_claim_is_the_same_claim(ledger: Ledger) -> None:
    enqueue(ledger, candidates(1), Job("nap"))
    (trial,) = ledger.trials()
    assert take(ledger, trial, ME)
    assert take(ledger, trial, ME)
    assert not take(ledger, trial, {"id": "other"})


def test_a_trial_is_finished_once_and_its_answer_may_be_asked_for_again(ledger: Ledger) -> None:
    enqueue(ledger, candidates(1), Job("nap"))
    (trial,) = ledger.trials()
    take(ledger, trial, ME)
    assert finish(ledger, trial, ME, {"latency_ms": 1.0})
    assert finish(ledger, trial, ME, {"latency_ms": 5.0})
    assert not finish(ledger, trial, {"id": "other"}, {"latency_ms": 5.0})
    fail(ledger, trial, "too late")
    assert finished(ledger, Job("nap")) == {trial.candidate.hash: {"latency_ms": 1.0}}


def test_an_evaluation_may_find_the_objective_itself(ledger: Ledger) -> None:
    enqueue(ledger, candidates(1), Job("train"))
    (trial,) = ledger.trials()
    take(ledger, trial, ME)
    finish(ledger, trial, ME, {"objective": 84.5})
    assert ledger.study.best_value == 84.5


def test_what_failed_is_asked_for_again_only_on_demand(ledger: Ledger) -> None:
    (key,) = enqueue(ledger, candidates(1), Job("nap"))
    fail(ledger, ledger.trials()[0], "no luck")
    enqueue(ledger, candidates(1), Job("nap"))
    assert latest(ledger.trials())[key].error == "no luck"
    enqueue(ledger, candidates(1), Job("nap"), again=True)
    assert latest(ledger.trials())[key].state is State.WAITING
    assert latest(ledger.trials())[key].attempt == 1


def test_trials_of_other_programs_are_left_alone(ledger: Ledger, nap: Callable[..., Job]) -> None:
    for attributes in ({}, {"key": 3}, {"key": "x", "candidate": {}, "job": {}}, {"key": "x", "candidate": 1}):
        ledger.study.add_trial(create_trial(state=TrialState.WAITING, user_attrs=attributes))
    wait_for(ledger, enqueue(ledger, candidates(1), nap()))
    assert len(ledger.trials()) == 1
    assert [trial.state for trial in ledger.study.trials] == [TrialState.WAITING] * 4 + [TrialState.COMPLETE]


def test_a_study_is_of_one_space(storage: str) -> None:
    with open_study(storage, space=PARAMETERS) as first:
        record(first, candidates(2), {})
    with open_study(storage, space=PARAMETERS) as again:
        assert again.parameters == PARAMETERS
    with pytest.raises(SpecError, match=r"H670.*'depth' differs"):
        open_study(storage, space={**PARAMETERS, "depth": (1, 2)})
    with open_study(storage, "other", space={"heads": (1, 2)}) as other:
        assert other.trials() == []


def test_a_study_that_is_not_there_is_named_with_those_that_are(storage: str) -> None:
    with open_study(storage, "first"):
        pass
    with pytest.raises(SpecError, match=r"H668.*no study named 'frist'[\s\S]*did you mean 'first'"):
        open_study(storage, "frist", create=False)


def test_studies_of_other_programs_are_refused(ledger: Ledger, storage: str) -> None:
    import optuna

    up, down = optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE
    for name, directions in (("two", [down, up]), ("one", [down])):
        other = optuna.create_study(storage=ledger.optuna, study_name=name, directions=directions)
        other.add_trial(create_trial(values=[1.0] * len(directions)))
        with pytest.raises(SpecError, match="H669"):
            open_study(storage, name)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 300])
def test_a_name_that_cannot_be_printed_is_no_studys(storage: str, name: str) -> None:
    with pytest.raises(SpecError, match=r"H671"):
        open_study(storage, name)
