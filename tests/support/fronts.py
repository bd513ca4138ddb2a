"""Example results of a search, from the compiler's own figures of specs that ship and of their neighbours."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from math import exp
from typing import Any

import hiera_compiler as hc
from hiera_compiler.estimate.memory import peak_activation_bytes
from hiera_compiler.estimate.predict import predict
from hiera_compiler.estimate.profiles import Profile, profiles_for
from hiera_search.report import Candidate, Front
from hiera_search.report.form import (
    Impossible,
    Measurement,
    Nearest,
    Objective,
    Refusal,
    RegimeFacts,
    SpaceFacts,
    StageFigures,
)

PUBLISHED = ("hiera_t", "hiera_s", "hiera_b", "hiera_b_plus", "hiera_l")
SHAPES = tuple((channels, depth) for channels in (64, 96, 128, 160) for depth in (6, 9, 12, 16, 20))
"""The first stage's width and the third stage's depth of twenty neighbours of Hiera-B."""

SIZE = Objective(
    maximise="accuracy", rung="capacity", unit="size score", is_accuracy=False, band="none: a size has no error"
)
TOP1 = Objective(
    maximise="accuracy",
    rung="table",
    unit="% ImageNet-1K top-1",
    is_accuracy=True,
    band="±0.6 points, the error of models that were left out of the fit",
)


def front(objective: Objective = SIZE, shapes: Sequence[tuple[int, int]] = SHAPES, **changes: Any) -> Front:
    """A result with what is best among the neighbours, its ties, and the published models beside it."""
    found = [neighbour(objective, *shape) for shape in shapes]
    winners, ties = _best(found)
    shown = Front(
        title="90 % safe latency of a batch of 1 on a100-40gb, compiled-half (fp16), predicted, tier C; "
        + ("score: a size score, not an accuracy" if objective is SIZE else "score: estimated ImageNet-1K top-1"),
        note="sums depth times width of the blocks: sorts models of one family, and says nothing of a percentage"
        if objective is SIZE
        else "a curve through the six published models (Hiera, Table 8), trained as they were",
        created="2026-11-21T08:00:00Z",
        versions={"hiera-compiler": "0.1.0", "optuna": "5.0.0"},
        command="hiera search hiera_b_around --budget-ms 3.3 --device a100-40gb --risk 0.1 -o found",
        seed=0,
        space=SpaceFacts(
            name="hiera_b_around",
            file="specs/spaces/hiera_b_around.yaml",
            points=1_234_567,
            lawful=803_211,
            exact=True,
            refused={
                "H201": Refusal(count=312_004, title="Heads do not divide the channels of their stage."),
                "H301": Refusal(count=119_352, title="Pooling does not divide the mask unit."),
            },
        ),
        regime=_regime(),
        objective=objective,
        budgets={"latency_ms": 3.3},
        evaluated=803_211,
        engine="enumeration",
        front=tuple(sorted(winners, key=lambda one: -one.accuracy)),
        ties=tuple(ties),
        published=tuple(_published(name, objective) for name in PUBLISHED),
        cloud=_cloud(found),
    )
    return shown.model_copy(update=changes)


def nothing_fits(objective: Objective = SIZE) -> Front:
    """A result whose budget nothing meets."""
    nearest = neighbour(objective, *SHAPES[0])
    refused = Impossible(limit="latency_ms", refuses_share=1.0, nearest=nearest)
    return front(objective, front=(), ties=(), budgets={"latency_ms": 0.1, "gmacs": 4.0}, impossible=refused)


@cache
def neighbour(objective: Objective, channels: int, depth: int) -> Candidate:
    """Hiera-B with another width and depth."""
    widths = [channels * factor for factor in (1, 2, 4, 8)]
    heads = [width // 32 for width in widths]
    stages = [
        *(f"stages.{stage}.channels={width}" for stage, width in enumerate(widths)),
        *(f"stages.{stage}.heads={count}" for stage, count in enumerate(heads)),
    ]
    name = f"hiera_b_around_{channels}_{depth}"
    choice = {"width": channels, "stages.2.depth": depth}
    return candidate(objective, "hiera_b", [f"name={name}", f"stages.2.depth={depth}", *stages], choice)


def candidate(objective: Objective, spec: str, settings: Sequence[str] = (), choice: Any = None) -> Candidate:
    """A candidate with the figures that `hiera profile` gives."""
    compilation = hc.compile(spec, settings)
    cost, found = compilation.cost, predict(compilation.graph, _profile(), 1)
    ms = dict(found.stages)
    pools = {f"stage {number}": stage.get("pool") for number, stage in enumerate(compilation.source.data["stages"], 1)}
    capacity = float(sum(stage.channels * stage.blocks for stage in cost.stages if stage.blocks))
    accuracy = capacity if objective is SIZE else 87.6 - 260 / capacity**0.44
    band = 0.0 if objective is SIZE else 0.6
    return Candidate(
        name=compilation.spec.name,
        spec=compilation.source.data,
        hash=compilation.spec.hash,
        choice=choice or {},
        params=cost.params,
        macs=cost.macs,
        flops=cost.flops,
        memory_bytes=2 * cost.params + peak_activation_bytes(compilation.graph, 1, 2),
        latency_ms=found.latency_ms,
        latency_low=1000 / found.high,
        latency_high=1000 / found.low,
        throughput=found.throughput,
        accuracy=accuracy,
        accuracy_rung=objective.rung,
        accuracy_low=accuracy - band,
        accuracy_high=accuracy + band,
        extrapolated=objective is TOP1 and capacity < 4000,
        stages=tuple(
            StageFigures(
                name=stage.name,
                depth=stage.blocks or None,
                channels=stage.channels,
                heads=stage.heads,
                attention=stage.attention,
                pool=pools.get(stage.name),
                ms=1000 * ms[stage.name],
                params=stage.params,
                macs=stage.macs,
            )
            for stage in cost.stages
        ),
        resources={name: 1000 * seconds for name, seconds in found.resources.items()},
        nearest=Nearest(name="hiera_b", faster=1.12, better=0.3, text="1.12x as fast as hiera_b at +0.3"),
    )


def measured(one: Candidate, factor: float = 1.06) -> Candidate:
    """The candidate as if it had been measured."""
    ms = one.latency_ms * factor
    found = Measurement(latency_ms=ms, low=ms / 1.02, high=ms * 1.03, device="NVIDIA A100", regime="compiled-half")
    return one.model_copy(update={"measured": found})


@cache
def _published(name: str, objective: Objective) -> Candidate:
    return candidate(objective, name).model_copy(update={"nearest": None})


@cache
def _profile() -> Profile:
    return next(profile for profile in profiles_for("a100-40gb") if profile.regime.name == "compiled-half")


def _regime() -> RegimeFacts:
    profile = _profile()
    return RegimeFacts(
        device=profile.device.name,
        regime=profile.regime.name,
        batch=1,
        dtype=profile.regime.dtype,
        tier=profile.tier,
        provenance=profile.provenance,
        risk=0.1,
    )


def _best(found: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Who is better than all that are faster, and who is nearly as good as one of those."""
    winners: list[Candidate] = []
    ties = []
    for one in sorted(found, key=lambda one: one.latency_ms):
        reached = max((winner.accuracy for winner in winners), default=0.0)
        if one.accuracy > reached:
            winners.append(one)
        elif one.accuracy > 0.97 * reached:
            ties.append(one)
    return winners, ties


def _cloud(found: Sequence[Candidate]) -> tuple[tuple[float, float], ...]:
    """Candidates that are slower and worse than those found, the same every time."""
    chance = random.Random(0)
    bases = [chance.choice(found) for _ in range(1500 if found else 0)]
    return tuple(
        (base.latency_ms * exp(abs(chance.gauss(0.0, 0.25))), base.accuracy * exp(-abs(chance.gauss(0.0, 0.12)) * 0.9))
        if base.accuracy > 100
        else (base.latency_ms * exp(abs(chance.gauss(0.0, 0.25))), base.accuracy - abs(chance.gauss(0.0, 1.0)))
        for base in bases
    )
