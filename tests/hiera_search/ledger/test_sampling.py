"""Optuna's samplers as an engine: the same for the same seed, nothing judged twice, and limits that steer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import Judgement, Ledger, explore_with_optuna, propose, record
from hiera_search.ledger.parameters import chosen, indices, options, parameters
from hiera_search.ledger.samplers import SAMPLERS
from tests.support.workers import PARAMETERS, candidates

Choices = NDArray[np.int32]


@dataclass
class Hole:
    name: str
    options: tuple[Any, ...]


class Grid:
    """A space of four holes with five options each; the last hole does nothing where the first is 0."""

    holes = tuple(Hole(f"h{index}", tuple(range(5))) for index in range(4))

    def canonical(self, choices: Choices) -> Choices:
        return np.where((choices[:, :1] == 0) & (np.arange(choices.shape[1]) == 3), 0, choices).astype(np.int32)


def judge(choices: Choices) -> Judgement:
    """More is better and dearer; over 10 is over the limit, and twice 4 at the start is unlawful."""
    total = float(choices.sum())
    return Judgement(total, total**2, np.inf if tuple(choices[0, :2]) == (4, 4) else total - 10)


def explored(sampler: str, seed: int, trials: int, **options: Any) -> Choices:
    space: Any = Grid()
    return explore_with_optuna(space, judge, sampler=sampler, seed=seed, trials=trials, **options).choices


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_candidates_each_once(sampler: str) -> None:
    count = 12 if sampler == "gp" else 40
    first, again = explored(sampler, 3, count), explored(sampler, 3, count)
    assert first.shape == (count, 4)
    assert len(np.unique(first, axis=0)) == count
    assert (first == again).all()
    assert (first == Grid().canonical(first)).all()
    if sampler != "gp":
        assert not (first == explored(sampler, 4, count)).all()


def test_what_is_over_the_limits_is_asked_for_less() -> None:
    late = {name: explored(name, 0, 150)[75:].sum(axis=1) for name in ("tpe", "random")}
    assert np.mean(late["tpe"] <= 10) > np.mean(late["random"] <= 10)


def test_a_space_that_is_used_up_ends_the_search() -> None:
    space: Any = Grid()
    space.holes = Grid.holes[:2]
    judged: list[tuple[int, ...]] = []

    def once(choices: Choices) -> Judgement:
        judged.append(tuple(choices[0].tolist()))
        return Judgement(1.0, 1.0, -1.0)

    found = explore_with_optuna(space, once, sampler="random", trials=100)
    assert len(found.choices) == 25
    assert sorted(judged) == sorted(map(tuple, found.choices.tolist()))
    assert found.asked >= 500


def test_no_time_gives_no_candidates() -> None:
    assert explored("random", 0, 10, seconds=0).shape == (0, 4)


def test_more_candidates_than_samplers_are_made_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hiera_search.ledger.sampling.MOST", 20)
    space: Any = Grid()
    found = explore_with_optuna(space, judge, sampler="random", trials=21)
    assert len(found.choices) == 20
    assert [(one.code, one.severity) for one in found.warnings] == [("H682", "warning")]


def test_an_unknown_sampler_is_told_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"H676.*'nsga3'[\s\S]*did you mean 'nsga2'"):
        explored("nsga3", 0, 1)


def test_what_to_evaluate_next_is_proposed_without_a_trace(ledger: Ledger) -> None:
    record(ledger, candidates(12), {})
    found = propose(ledger, 5)
    assert found == propose(ledger, 5)
    assert all(choice.keys() == PARAMETERS.keys() for choice in found)
    assert all(choice[name] in range(len(labels)) for choice in found for name, labels in PARAMETERS.items())
    assert len(ledger.study.trials) == 12


def test_options_are_told_apart_whatever_they_are() -> None:
    assert options((64, 96.5, "max")) == (64, 96.5, "max")
    assert options(({"kind": "max"}, None, True)) == ('{"kind": "max"}', "null", "true")
    assert options((1, True)) == ("1", "true")
    assert options(("null", None)) == ("0: null", "1: null")
    space: Any = Grid()
    assert parameters(space) == {f"h{index}": (0, 1, 2, 3, 4) for index in range(4)}
    assert indices(PARAMETERS, chosen(PARAMETERS, {"width": 1, "depth": 2})) == {"width": 1, "depth": 2}
