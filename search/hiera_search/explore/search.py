"""A search from a request to a front: what is cheap is searched completely or by evolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from json import dumps
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiera_compiler.diagnostics import Diagnostic, SpecError
from hiera_compiler.estimate.profiles import Profile
from hiera_search.accuracy import Estimator, estimator
from hiera_search.explore import enumeration, kept
from hiera_search.explore.budgets import Limits, margin
from hiera_search.explore.evolution import Effort, Evolution
from hiera_search.explore.problems import not_an_accuracy, not_of_autoencoders
from hiera_search.explore.regime import choose_profile
from hiera_search.explore.request import Request
from hiera_search.explore.sieve import Judged, Sieve
from hiera_search.space import Space, load_space
from hiera_search.table import Table

OPTUNA_TRIALS = 300
"""Candidates that Optuna's samplers are asked for where nobody says how many."""
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many candidates were judged, and of how many (0: nobody knows)."""


@dataclass(frozen=True)
class Found:
    """How a search ended: ``exact``: every point was judged; ``reused``: so many of them by earlier searches."""

    exact: bool
    interrupted: bool
    reused: int


class Search:
    """One search. Its parts are made at once, so that what is wrong is said before anything long starts.

    Raises SpecError for a space, device, regime, estimator or limit that cannot be.
    """

    def __init__(self, request: Request, folder: Path) -> None:
        self.request, self.folder = request, folder
        self.space: Space = load_space(request.space, request.settings)
        autoencoder = request.task == "mae"
        self.profile: Profile = choose_profile(request.device, request.regime, autoencoder)
        self.estimator: Estimator = estimator(request.accuracy, Path(request.rows) if request.rows else None)
        if request.min_accuracy is not None and not self.estimator.is_accuracy:
            raise SpecError(not_an_accuracy(self.estimator))
        if autoencoder and not self.estimator.of_capacity:
            raise SpecError(not_of_autoencoders(self.estimator))
        self.table = Table(self.space, self.profile, request.batch, request.task)
        limits = Limits(request.budgets, request.batch, margin(self.profile.spread, request.risk))
        self.kept = kept.Kept()
        self.sieve = Sieve(self.space, self.table, self.estimator, limits, request.axis, request.seed, self.kept)
        self.warnings: list[Diagnostic] = []
        self.choices: dict[str, dict[str, int]] = {}
        """The options of each reported candidate, by the hash of its spec and the name of the hole."""

    @cached_property
    def key(self) -> dict[str, Any]:
        """What figures depend on: those of another key are of something else."""
        space = dumps([self.space.source.data, [hole.options for hole in self.space.holes]])
        return {
            "version": version("hiera-compiler"),
            "space": sha256(space.encode()).hexdigest(),
            "profile": [self.profile.name, self.profile.regime.torch, repr(self.profile.constants)],
            "device": self.profile.device.model_dump(mode="json"),
            "batch": self.request.batch,
            "engine": self.engine,
            "task": self.request.task,
        }

    @property
    def engine(self) -> str:
        """What looks at candidates: every one in turn, evolution, or one of Optuna's samplers."""
        if self.request.engine == "optuna":
            return f"optuna:{self.request.sampler}"
        return "enumeration" if self.can_be_exact else "nsga2"

    @property
    def can_be_exact(self) -> bool:
        """Whether every point can be looked at, and no fewer were asked for."""
        digits = prod(self.space.digits())
        most = min(enumeration.MOST, self.request.candidates or enumeration.MOST)
        return self.space.points <= most and digits <= 10 * enumeration.MOST

    def run(self, progress: Progress) -> Found:
        """Search until done, or interrupted; what is found so far is in the sieve in either case."""
        exact = interrupted = False
        earlier = self._earlier()
        reused = self.sieve.evaluated
        try:
            if self.engine == "enumeration":
                self._enumerate(earlier, progress)
                exact = True
            elif self.engine == "nsga2":
                self._evolve(earlier, progress)
            else:
                self._by_optuna(earlier, progress)
        except KeyboardInterrupt:
            interrupted = True
        return Found(exact, interrupted, reused)

    def remember(self) -> None:
        """Write the figures of what was priced, for the next search in this folder."""
        self.kept.write(self.folder / kept.FILE, self.key, self.table.codes)

    def _earlier(self) -> Judged | None:
        """What an earlier search in this folder has priced, judged under the limits of this one."""
        found = kept.read(self.folder / kept.FILE, self.key)
        if found is None:
            return None
        codes, choices, columns = found
        self.table.adopt(codes)
        judged = self.sieve.again(choices, columns)
        self.kept.add(judged)
        return judged

    def _enumerate(self, earlier: Judged | None, progress: Progress) -> None:
        digits = self.space.digits()
        start = 0
        if earlier is not None and len(earlier.choices):
            start = int(enumeration.flat_numbers(earlier.choices[-1:], digits)[0]) + 1
        for choices in enumeration.all_choices(self.space, start, enumeration.CHUNK):
            if len(choices):
                self.sieve.put(choices)
            progress("every point", self.sieve.evaluated, self.space.points)

    def _evolve(self, earlier: Judged | None, progress: Progress) -> None:
        effort = Effort.of(self.request.candidates or Effort.candidates)
        for step in Evolution(self.space, self.sieve, effort, self.request.seed, earlier).steps():
            progress(step, self.sieve.evaluated, effort.candidates)

    def _by_optuna(self, earlier: Judged | None, progress: Progress) -> None:
        """Let one of Optuna's samplers propose what is judged, one after the other; nothing is judged twice."""
        from hiera_search.ledger import Judgement, explore_with_optuna

        known = {} if earlier is None else {tuple(row): place for place, row in enumerate(earlier.choices.tolist())}

        def judge(choice: NDArray[np.int32]) -> Judgement:
            place = known.get(tuple(choice[0].tolist()))
            one = self.sieve.put(choice) if earlier is None or place is None else earlier.take(np.array([place]))
            return Judgement(float(one.scores.value[0]), float(one.cost[0]), float(one.violation[0]))

        explored = explore_with_optuna(
            self.space,
            judge,
            sampler=self.request.sampler,
            seed=self.request.seed,
            trials=self.request.candidates or OPTUNA_TRIALS,
            progress=lambda done, total: progress(f"Optuna's {self.request.sampler}", done, total),
        )
        self.warnings.extend(explored.warnings)
