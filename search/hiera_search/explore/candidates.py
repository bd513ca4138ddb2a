"""A candidate as it is reported: its spec, its figures, and the published model that is nearest."""

from __future__ import annotations

from functools import cached_property
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiera_compiler import bundled
from hiera_compiler.diagnostics import SpecError, times
from hiera_compiler.estimate.predict import predict
from hiera_compiler.estimate.profiles import Profile
from hiera_compiler.lower import encoder_of
from hiera_compiler.pipeline import Compilation, Task, compile
from hiera_compiler.spec import Spec
from hiera_search.accuracy import Estimator, Scores, features
from hiera_search.explore.sieve import Judged
from hiera_search.report.form import Candidate, Nearest, StageFigures
from hiera_search.space import Space
from hiera_search.table import memory_bytes

Choice = NDArray[np.int32]
_STEM = 80
"""Letters of the space's name in a candidate's: a spec's name has a hundred at most, and its file's is no shorter."""


class Describer:
    """Makes reports of candidates in one space, on one profile, scored by one estimator.

    ``lawful`` is the choice of any architecture of the space; without one, no published model is known to be alike.
    """

    def __init__(
        self,
        space: Space,
        task: Task,
        profile: Profile,
        batch: int,
        estimator: Estimator,
        lawful: Choice | None,
    ) -> None:
        self.space, self.task, self.profile, self.batch = space, task, profile, batch
        self.estimator, self.lawful = estimator, lawful
        self.choices: dict[str, dict[str, int]] = {}
        self.inputs: dict[str, tuple[int, ...]] = {}

    def candidates(self, judged: Judged, detailed: int) -> list[Candidate]:
        """One report for each, the first so many with their stages; equal architectures once."""
        found: dict[str, Candidate] = {}
        for position in range(len(judged.choices)):
            one = self._candidate(judged, position, with_stages=position < detailed)
            found.setdefault(one.hash, one)
        return list(found.values())

    def _candidate(self, judged: Judged, position: int, with_stages: bool) -> Candidate:
        choice = judged.choices[position]
        compilation = self._compilation(choice)
        columns, scores = judged.columns, judged.scores
        figures = {
            "params": int(columns.params[position]),
            "macs": int(columns.macs[position]),
            "flops": int(columns.flops[position]),
            "memory_bytes": int(columns.memory[position]),
            "latency_ms": float(columns.latency_ms[position]),
        }
        key = compilation.spec.hash
        name = f"{self.space.name[:_STEM]}_{key[:8]}"
        self.choices[key] = {hole.name: int(option) for hole, option in zip(self.space.holes, choice, strict=True)}
        return self._report(compilation, name, figures, scores, position, with_stages, self._labels(choice))

    def _compilation(self, choice: Choice) -> Compilation:
        return Compilation(self.space.fill([int(option) for option in choice]), self.task)

    def _labels(self, choice: Choice) -> dict[str, Any]:
        """What was chosen at each hole that is there."""
        active = self.space.active(choice[None])[0]
        return {
            hole.name: hole.options[int(option)]
            for hole, option, there in zip(self.space.holes, choice, active, strict=True)
            if there
        }

    @cached_property
    def published(self) -> list[Candidate]:
        """The paper's Hieras for the same kind of input and of output that fit on the device, by rising latency."""
        if self.lawful is None:
            return []
        spec = self._compilation(self.lawful).spec
        gives = (True, False) if self.task == "mae" else _gives(spec)  # pretraining is that of classifiers
        names = [*bundled.names(), *bundled.folder("detection")]
        hieras = [name for name in names if name.rpartition("/")[2].startswith("hiera_") and "abswin" not in name]
        known = [compile(name, task=self.task) for name in hieras]
        alike = [one for one in known if one.spec.axes == spec.axes and _gives(one.spec) == gives]
        found = [candidate for one in alike if (candidate := self._published(one)) is not None]
        return sorted(found, key=lambda one: one.latency_ms)

    def _published(self, compilation: Compilation) -> Candidate | None:
        try:
            figures = figures_of(compilation, self.profile, self.batch)
        except SpecError:
            return None  # A batch of it is too large for the device.
        scores = self.estimator.score(features([compilation]))
        return self._report(compilation, compilation.spec.name, figures, scores, 0, True, {})

    def _report(
        self,
        compilation: Compilation,
        name: str,
        figures: dict[str, Any],
        scores: Scores,
        position: int,
        with_stages: bool,
        choice: dict[str, Any],
    ) -> Candidate:
        profile, batch, spec = self.profile, self.batch, compilation.spec
        self.inputs[spec.hash] = spec.input_shape
        width, latency = exp(profile.spread), figures["latency_ms"]
        stages, resources = breakdown(compilation, profile, batch) if with_stages else ((), {})
        return Candidate(
            name=name,
            spec=dict(compilation.source.data) | {"name": name},
            hash=spec.hash,
            choice=choice,
            latency_low=latency / width,
            latency_high=latency * width,
            throughput=1000.0 * batch / latency,
            accuracy=float(scores.value[position]),
            accuracy_rung=self.estimator.scored_by,
            accuracy_low=float(scores.low[position]),
            accuracy_high=float(scores.high[position]),
            extrapolated=bool(scores.extrapolated[position]),
            stages=stages,
            resources=resources,
            **figures,
        )

    def with_nearest(self, one: Candidate) -> Candidate:
        """The candidate with the published model whose latency is nearest."""
        if not self.published:
            return one
        near = min(self.published, key=lambda other: abs(log(other.latency_ms / one.latency_ms)))
        faster, better = near.latency_ms / one.latency_ms, one.accuracy - near.accuracy
        if self.estimator.is_accuracy:
            gain = f"{better:+.1f} points"
        else:
            gain = f"{100 * (one.accuracy / near.accuracy - 1):+.0f} % size"
        text = f"{faster:.2f}x as fast as {near.name} at {gain}"
        other = None if self.inputs[near.hash] == self.inputs[one.hash] else times(self.inputs[near.hash])
        nearest = Nearest(name=near.name, faster=faster, better=better, text=text, input=other)
        return one.model_copy(update={"nearest": nearest})


def _gives(spec: Spec) -> tuple[bool, bool]:
    """Whether a model has a head, and whether a neck; with neither it gives the maps of its stages."""
    return spec.head is not None, spec.neck is not None


def figures_of(compilation: Compilation, profile: Profile, batch: int) -> dict[str, Any]:
    """The figures of one spec by name, as the table has them for many."""
    cost = compilation.cost
    return {
        "params": cost.params,
        "macs": cost.macs,
        "flops": cost.flops,
        "memory_bytes": memory_bytes(compilation.graph, cost.params, profile, batch),
        "latency_ms": predict(compilation.graph, profile, batch).latency_ms,
    }


def breakdown(
    compilation: Compilation, profile: Profile, batch: int
) -> tuple[tuple[StageFigures, ...], dict[str, float]]:
    """Time, parameters and multiply-accumulates by stage, and milliseconds of a batch by what bounds them."""
    predicted = predict(compilation.graph, profile, batch)
    seconds = dict(predicted.stages)
    # The last stage of an autoencoder does not pool.
    spec = encoder_of(compilation.spec) if compilation.task == "mae" else compilation.spec
    pools = {f"stage {index + 1}": stage.pool for index, stage in enumerate(spec.stages)}
    rows = tuple(
        StageFigures(
            name=row.name,
            depth=row.blocks or None,
            channels=row.channels,
            heads=row.heads,
            attention=row.attention,
            pool=pool.kind if (pool := pools.get(row.name)) is not None else None,
            ms=1000.0 * seconds.get(row.name, 0.0),
            params=row.params,
            macs=row.macs,
        )
        for row in compilation.cost.stages
    )
    return rows, {name: 1000.0 * part for name, part in predicted.resources.items()}
