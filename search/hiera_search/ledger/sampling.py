"""Optuna's samplers over the holes of a space: as an engine of their own, and for what to evaluate next."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hiera_compiler.diagnostics import Diagnostic, code
from hiera_search.ledger.parameters import distributions, indices, parameters
from hiera_search.ledger.samplers import sampler_named

if TYPE_CHECKING:
    from hiera_search.ledger.study import Ledger
    from hiera_search.space import Space

Choices = NDArray[np.int32]
MOST = 2000
"""Candidates after which samplers take longer to think than all the other engines need for a million."""
_REPEATS = 500
_REFUSED = 1e6


@dataclass(frozen=True)
class Judgement:
    """What is known of one candidate: a score to maximise, a cost to minimise, and the excess over the limits.

    The excess is 0 or less within them, and infinite for what is no lawful architecture.
    """

    score: float
    cost: float
    excess: float


@dataclass(frozen=True)
class Explored:
    """The different candidates that a sampler asked for, in its order, each judged once."""

    choices: Choices
    asked: int
    """How often it asked, repetitions included."""
    warnings: tuple[Diagnostic, ...] = ()


def explore_with_optuna(
    space: Space,
    judge: Callable[[Choices], Judgement],
    *,
    sampler: str = "tpe",
    seed: int = 0,
    trials: int = 1000,
    seconds: float | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Explored:
    """Candidates that one of Optuna's samplers finds worth judging; ``judge`` gets them one by one, ``[1, holes]``.

    Ends after as many different candidates, after the seconds, or where it finds nothing new. The same seed gives the
    same candidates, unless the seconds end it. Raises SpecError for an unknown sampler.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_named(sampler, seed))
    known = parameters(space)
    ranges = distributions(known)
    names = [hole.name for hole in space.holes]
    judged: dict[tuple[int, ...], Judgement] = {}
    end = None if seconds is None else time.monotonic() + seconds
    total, asked, repeats = min(trials, MOST), 0, 0
    while len(judged) < total and repeats < _REPEATS and (end is None or time.monotonic() < end):
        trial = study.ask(ranges)
        choice = indices(known, trial.params)
        row = space.canonical(np.array([[choice[name] for name in names]], np.int32))
        key = tuple(int(index) for index in row[0])
        asked, repeats = asked + 1, repeats + 1 if key in judged else 0
        if key not in judged:
            judged[key] = judge(row)
            progress(len(judged), total)
        found = judged[key]
        trial.set_constraint("limits", min(found.excess, _REFUSED))
        study.tell(trial, [found.score, found.cost])
    choices = np.array(list(judged), np.int32).reshape(-1, len(names))
    return Explored(choices, asked, (too_many(trials),) if trials > MOST else ())


def propose(ledger: Ledger, count: int) -> list[dict[str, int]]:
    """Choices that the study's sampler would evaluate next, after what the study holds by now.

    Nothing is written into the study; what it proposes may repeat itself, be over a limit, or no lawful architecture.
    """
    import optuna
    from optuna.trial import TrialState

    done = ledger.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    known = [trial for trial in done if trial.params.keys() == ledger.parameters.keys()]
    study = optuna.create_study(direction="maximize", sampler=sampler_named(ledger.sampler, ledger.seed + len(known)))
    study.add_trials(known)
    ranges = distributions(ledger.parameters)
    return [indices(ledger.parameters, study.ask(ranges).params) for _ in range(count)]


@code("H682")
def too_many(trials: int) -> Diagnostic:
    """More candidates than Optuna's samplers are made for.

    A sampler looks at every earlier trial before it proposes the next one. The engine of this package prices a million
    candidates in the time that a sampler takes for a thousand, so that this many bring nothing.
    """
    message = f"{trials} candidates were asked for, and Optuna's samplers stop after {MOST}"
    return Diagnostic("H682", message, (), "leave --engine out: a million are priced in seconds", (), "warning")
