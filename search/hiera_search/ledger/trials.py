"""Candidates and trials as data: what a study holds of each, and the key that makes it one of a kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

Regime = Mapping[str, str | int]
"""What an evaluation's figures depend on: device, regime, dtype and batch of a measurement."""
PREDICTED = "predicted"
"""The evaluation of what is known without running anything."""


@dataclass(frozen=True)
class Candidate:
    """A model that a study knows.

    ``spec`` is plain data and ``hash`` its ``Spec.hash``; ``choice`` gives each hole's option by index, and is empty
    for a model from outside of the space. ``score`` is what the study maximises, ``figures`` what is known cheaply;
    ``limits`` and ``floors`` bound figures from above and from below.
    """

    name: str
    spec: Mapping[str, Any]
    hash: str
    score: float
    choice: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    floors: Mapping[str, float] = field(default_factory=dict)

    def constraints(self, figures: Mapping[str, float] | None = None) -> dict[str, float]:
        """By how much each bounded figure misses its bound, 0 or less where it is met; ``figures`` go before ours."""
        known = {**self.figures, **(figures or {})}
        above = {name: known[name] - limit for name, limit in self.limits.items() if name in known}
        below = {name: floor - known[name] for name, floor in self.floors.items() if name in known}
        return above | below


@dataclass(frozen=True)
class Job:
    """An evaluation by name, and the regime that its figures will hold for."""

    evaluation: str
    regime: Regime = field(default_factory=dict)

    def key(self, spec_hash: str) -> str:
        """SHA-256 of a spec's hash, the regime and the evaluation: equal keys are the same work."""
        return sha256(json.dumps([spec_hash, dict(self.regime), self.evaluation], sort_keys=True).encode()).hexdigest()


class State(Enum):
    """Where a trial is on its way."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True)
class Trial:
    """One row of the ledger; a candidate whose worker was lost has several."""

    frozen: FrozenTrial = field(repr=False)

    @property
    def id(self) -> int:
        """The storage's own number for it."""
        return self.frozen._trial_id

    @property
    def number(self) -> int:
        """Its place in the study, from 0."""
        return self.frozen.number

    @cached_property
    def state(self) -> State:
        """Where it is on its way."""
        from optuna.trial import TrialState

        states = {TrialState.WAITING: State.WAITING, TrialState.RUNNING: State.RUNNING}
        return states.get(
            self.frozen.state, State.FINISHED if self.frozen.state == TrialState.COMPLETE else State.FAILED
        )

    @property
    def _data(self) -> dict[str, Any]:
        return self.frozen.user_attrs

    @property
    def key(self) -> str:
        """What makes it one of a kind."""
        return str(self._data["key"])

    @cached_property
    def candidate(self) -> Candidate:
        """The model."""
        return Candidate(**self._data["candidate"])

    @cached_property
    def job(self) -> Job:
        """What is to be done with it."""
        return Job(self._data["job"]["evaluation"], self._data["job"]["regime"])

    @property
    def attempt(self) -> int:
        """1 for the first, and one more for each worker that was lost over it."""
        return int(self._data["job"]["attempt"])

    @property
    def worker(self) -> Mapping[str, Any]:
        """Who took it last; empty where nobody did."""
        return self._part("worker")

    @property
    def heartbeat(self) -> object:
        """A count that its worker keeps raising."""
        return self._data.get("heartbeat")

    @property
    def is_lost(self) -> bool:
        """Whether it failed because its worker ended, and not by itself."""
        return self.state is State.FAILED and bool(self._part("failure").get("lost"))

    @property
    def figures(self) -> Mapping[str, float]:
        """What the evaluation found."""
        return dict(self._part("found").get("figures", {}))

    @property
    def error(self) -> str | None:
        """Why it failed."""
        error = self._part("failure").get("error")
        return None if error is None else str(error)

    def _part(self, name: str) -> Mapping[str, Any]:
        """An attribute that a worker adds, which is a mapping; what another program has put there counts as none."""
        found = self._data.get(name)
        return found if isinstance(found, dict) else {}


_CANDIDATE: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "spec": dict,
    "hash": str,
    "score": (int, float),
    "choice": dict,
    "figures": dict,
    "limits": dict,
    "floors": dict,
}
_JOB = {"evaluation": str, "regime": dict, "attempt": int}


def trial_of(frozen: FrozenTrial) -> Trial | None:
    """An Optuna trial as ours; None for one that another program put into the study."""
    data = frozen.user_attrs
    is_ours = (
        isinstance(data.get("key"), str) and _has(data.get("candidate"), _CANDIDATE) and _has(data.get("job"), _JOB)
    )
    return Trial(frozen) if is_ours else None


def attributes(candidate: Candidate, job: Job, attempt: int = 1) -> dict[str, Any]:
    """What a study holds of a candidate, as plain data: few attributes, since a database takes time for each."""
    about = asdict(candidate) | {"choice": {name: int(index) for name, index in candidate.choice.items()}}
    for name in ("figures", "limits", "floors"):
        about[name] = {key: float(value) for key, value in about[name].items()}
    return {
        "key": job.key(candidate.hash),
        "candidate": about | {"score": float(candidate.score)},
        "job": {"evaluation": job.evaluation, "regime": dict(job.regime), "attempt": attempt},
    }


def _has(data: Any, form: Mapping[str, type | tuple[type, ...]]) -> bool:
    return (
        isinstance(data, dict)
        and data.keys() == form.keys()
        and all(isinstance(data[name], form[name]) for name in form)
    )
