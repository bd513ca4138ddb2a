"""The best candidates of a search, measured or given their proxy through its study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import TYPE_CHECKING

from hiera_compiler.estimate.profiles import calibrations
from hiera_search.explore.study import rows, task
from hiera_search.ledger import Job, Ledger, enqueue, finished, latest, wait_for
from hiera_search.report.form import Candidate, Front, Measurement

if TYPE_CHECKING:
    from hiera_search.explore.search import Search
    from hiera_search.ledger.trials import Regime

Say = Callable[[str], None]
FINALISTS = 5
"""Candidates that a proxy is worked out for where `--measure` does not say how many."""


def score_finalists(search: Search, ledger: Ledger, front: Front, say: Say) -> None:
    """Work out the proxy of the best candidates, and say it beside what they were ranked by."""
    job = Job(search.estimator.rung)
    best = front.front[: search.request.measure or FINALISTS]
    report = wait_for(ledger, enqueue(ledger, rows(search, best), job), say=lambda text: None)
    scores = finished(ledger, job)
    for one in best:
        if one.hash in scores:
            say(
                f"{one.name}: {job.evaluation} {scores[one.hash]['score']:.6g}, {front.objective.unit} {one.accuracy:g}"
            )
    if report.signal is not None:
        raise KeyboardInterrupt


def measured(search: Search, ledger: Ledger, front: Front, say: Say) -> tuple[Front, bool]:
    """The front with its best candidates measured on this machine, and whether that was stopped before the last.

    What was measured before is not measured again. Where times are predicted for this very machine, those that turn
    out over the latency budget leave the front.
    """
    regime, as_predicted = _here(search), _is_here(search)
    job = Job("measure", regime)
    keys = enqueue(ledger, rows(search, front.front[: search.request.measure]), job)
    report = wait_for(ledger, keys, say=say)
    found = finished(ledger, job)
    for trial in latest(ledger.trials(), keys).values():
        if trial.error:
            say(f"{trial.candidate.name} was not measured: {trial.error}")
    where, mode = str(regime["device"]), f"{regime['regime']} {regime['dtype']}"

    def with_measurement(one: Candidate, figures: Mapping[str, float]) -> Candidate:
        measurement = Measurement(
            latency_ms=figures["latency_ms"],
            low=figures["latency_low"],
            high=figures["latency_high"],
            device=where,
            regime=mode,
            as_predicted=as_predicted,
        )
        return one.model_copy(update={"measured": measurement})

    members = [with_measurement(one, found[one.hash]) if one.hash in found else one for one in front.front]
    if as_predicted:
        members = _in_time(members, _most_milliseconds(search), say)
    facts = front.regime.model_copy(update={"measured_on": f"{where}, {mode}"})
    return front.model_copy(update={"front": tuple(members), "regime": facts}), report.signal is not None


def _in_time(members: Iterable[Candidate], limit: float, say: Say) -> list[Candidate]:
    """All but those that were measured to take more milliseconds, each of which is said."""
    kept = []
    for one in members:
        if one.measured is not None and one.measured.latency_ms > limit:
            say(f"{one.name} is left out: {one.measured.latency_ms:.4g} ms measured, {limit:.4g} ms allowed")
        else:
            kept.append(one)
    return kept


def _most_milliseconds(search: Search) -> float:
    """The time that a batch may take by the limits of latency and throughput."""
    request = search.request
    by_rate = 1000.0 * request.batch / request.min_throughput if request.min_throughput is not None else inf
    return min(request.latency_ms if request.latency_ms is not None else inf, by_rate)


def _is_here(search: Search) -> bool:
    """Whether times are predicted for this machine: it was calibrated here."""
    return search.profile.device.name in {kept.device.name for kept in calibrations()}


def _here(search: Search) -> Regime:
    """How finalists are measured: as predicted where that is this machine, else eagerly on what is at hand."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    mode = "compiled" if search.profile.regime.compiled and (device == "cuda" or _is_here(search)) else "eager"
    dtype = "float16" if device == "cuda" else "float32"
    return {"device": device, "regime": mode, "dtype": dtype, "batch": search.request.batch, **task(search)}
