"""What a search found, in the form in which it is written and drawn."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from hiera_compiler.diagnostics.codes import explanation
from hiera_search.explore.candidates import Describer
from hiera_search.explore.front import distinct
from hiera_search.explore.search import Found, Search
from hiera_search.explore.sieve import CLOUD, Judged
from hiera_search.report.form import Candidate, Front, Impossible, Objective, Refusal, RegimeFacts, SpaceFacts

TIES = 100
"""Ties that are reported at most: those of the highest scores."""
_SHOWN = 8
"""Holes that a note names at most."""


def outcome(search: Search, found: Found, command: str) -> Front:
    """The front by falling score, the ties, the published models, and all that must be known to read them."""
    request, sieve, profile = search.request, search.sieve, search.profile
    members, ties = _members(search)
    some = members or sieve.nearest
    lawful = some.choices[0] if some is not None else None
    describer = Describer(search.space, request.task, profile, request.batch, search.estimator, lawful)
    front = [describer.with_nearest(one) for one in describer.candidates(members, request.top)] if members else []
    search.choices.update(describer.choices)
    return Front(
        title=title(search),
        note=search.estimator.note + _unseen(search),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={name: version(name) for name in ("hiera-compiler", "numpy", "optuna")},
        command=command,
        seed=request.seed,
        space=_space_facts(search, found),
        regime=RegimeFacts(
            device=profile.device.name,
            regime=profile.regime.name,
            batch=request.batch,
            dtype=profile.regime.dtype,
            tier=profile.tier,
            provenance=profile.provenance,
            risk=request.risk,
            task=request.task,
        ),
        objective=Objective(
            maximise="accuracy" if search.estimator.is_accuracy else "size score",
            rung=search.estimator.scored_by,
            unit=search.estimator.unit,
            is_accuracy=search.estimator.is_accuracy,
            band=_band(search),
            against=request.axis,
        ),
        budgets=request.budgets.given(),
        evaluated=sieve.evaluated,
        engine=search.engine,
        front=tuple(front),
        ties=tuple(describer.candidates(ties, 0)) if ties else (),
        published=tuple(describer.published),
        cloud=_cloud(search),
        # Of what was interrupted nobody knows whether anything fits.
        impossible=_impossible(search, describer) if members is None and not found.interrupted else None,
    )


def title(search: Search) -> str:
    """The first line of every output: what time is meant, where, in which regime, and what the score is."""
    request, profile = search.request, search.profile
    kind = {"A": "measured stack", "B": "stack measured on other models", "C": "from the data sheet, never measured"}
    estimator = search.estimator
    passed = "a masked autoencoder's forward pass, loss included, over " if request.task == "mae" else ""
    score = f"an estimate of {estimator.unit}" if estimator.is_accuracy else "a size score, not an accuracy"
    return (
        f"time of {passed}one batch of {request.batch} on {profile.device.name}, {profile.regime.name} "
        f"({profile.regime.dtype}, torch {profile.regime.torch}), predicted: tier {profile.tier}, "
        f"{kind[profile.tier]}; the score is {score}"
    )


def _unseen(search: Search) -> str:
    """The holes that decide nothing that the score looks at."""
    space = search.space
    if not search.estimator.of_capacity:
        return ""
    stages = range(space.length(("stages",)))
    seen = {hole for stage in stages for key in ("depth", "channels") for hole in space.below(("stages", stage, key))}
    seen |= set(space.below(("input", "size")))
    names = [hole.name for position, hole in enumerate(space.holes) if position not in seen]
    if not names:
        return ""
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return f"; it does not see {shown}, chosen for cost alone"


def _band(search: Search) -> str:
    """What the interval of a score is, and from which difference on two scores are taken to differ."""
    front = search.sieve.front
    if not search.estimator.is_accuracy:
        return "none: it is counted, not estimated"
    band = "90 %, from the errors on models left out"
    if front is None:
        return band
    return (
        f"{band}; candidates less than {front.scores.resolution:.2g} apart are a tie, and the cheaper one wins, "
        "so that a tie may score a little higher than the winner"
    )


def _members(search: Search) -> tuple[Judged | None, Judged | None]:
    """The front by falling score, and its members that are ties with a cheaper one."""
    front = search.sieve.front
    if front is None:
        return None, None
    # Of equal figures the smallest model comes first, and so stands for the others.
    columns = front.columns
    front = front.take(np.lexsort((columns.params, columns.macs, -front.scores.value, front.cost)))
    chosen = distinct(front.scores.value, front.scores.resolution)
    by_score = np.flatnonzero(chosen)[::-1]
    ties = np.flatnonzero(~chosen)[::-1][:TIES]
    return front.take(by_score), front.take(ties) if len(ties) else None


def _space_facts(search: Search, found: Found) -> SpaceFacts:
    sieve, space = search.sieve, search.space
    refused = {
        code: Refusal(count=count, title=explanation(code).splitlines()[0])
        for code, count in sorted(sieve.refused.items(), key=lambda item: -item[1])
    }
    return SpaceFacts(
        name=space.name,
        file=search.request.space,
        points=space.points,
        lawful=sieve.lawful,
        exact=found.exact,
        refused=refused,
    )


def _cloud(search: Search) -> tuple[tuple[float, float], ...]:
    """Some of the candidates that were looked at, as cost and score."""
    if not search.sieve.cloud:
        return ()
    points = np.concatenate([np.stack(part, axis=1) for part in search.sieve.cloud])
    if len(points) > CLOUD:
        points = np.random.default_rng(search.request.seed).choice(points, CLOUD, replace=False)
    return tuple((float(cost), float(score)) for cost, score in points)


def _impossible(search: Search, describer: Describer) -> Impossible:
    """Which limit refuses most of the lawful candidates, or which rule all candidates, and what comes nearest."""
    sieve = search.sieve
    nearest: Candidate | None = None
    if sieve.nearest is not None:
        nearest = describer.with_nearest(describer.candidates(sieve.nearest, 1)[0])
    if sieve.lawful:
        limit = max(sieve.over, key=lambda name: sieve.over[name])
        return Impossible(limit=limit, refuses_share=sieve.over[limit] / sieve.lawful, nearest=nearest)
    rule = max(sieve.refused, key=lambda code: sieve.refused[code], default="")
    share = sieve.refused.get(rule, 0) / max(1, sieve.evaluated)
    return Impossible(limit=rule, refuses_share=share, nearest=None)
