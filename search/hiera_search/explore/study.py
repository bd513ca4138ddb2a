"""The study that a search leaves, and the measurement of its finalists through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf
from typing import TYPE_CHECKING

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.profiles import calibrations
from hiera_search.accuracy import Proxy
from hiera_search.explore.request import FILE
from hiera_search.ledger import Candidate as Row
from hiera_search.ledger import Job, Ledger, enqueue, finished, latest, open_study, record, wait_for
from hiera_search.ledger.address import JOURNAL
from hiera_search.report import make_folder, write_result
from hiera_search.report.form import Candidate, Front, Measurement

if TYPE_CHECKING:
    from hiera_search.explore.search import Search
    from hiera_search.ledger.trials import Regime

Say = Callable[[str], None]
FINALISTS = 5
"""Candidates that a proxy is worked out for where `--measure` does not say how many."""


def leave(search: Search, front: Front, say: Say) -> Front:
    """Write everything that a search leaves, measure its finalists where that was asked for, and give the front.

    Figures and front are written before anything is measured, and the front again after it. Raises SpecError where
    the folder or the storage cannot be used: a folder is then as it was, and a database that is away keeps nothing
    from being written. Raises KeyboardInterrupt where measuring was stopped, after what was measured is written.
    """
    make_folder(search.folder)
    try:
        ledger = open_ledger(search)
    except SpecError:
        if search.request.storage is not None:
            _write(search, front)
        raise
    with ledger:
        front = _write(search, front)
        search.remember()
        keep(search, ledger, front)
        search.warnings.extend(ledger.storage.warnings)
        if isinstance(search.estimator, Proxy):
            _score_finalists(search, ledger, front, say)
        if not search.request.measure or not front.front:
            return front
        front, is_stopped = measured(search, ledger, front, say)
        front = _write(search, front)
    if is_stopped:
        raise KeyboardInterrupt
    return front


def check_study(search: Search) -> None:
    """Make the folder of a search; raise SpecError, before anything long starts, where its study could not be kept.

    A database is asked, and a folder that holds a study; in another folder no study is made yet.
    """
    make_folder(search.folder)
    if search.request.storage is not None or (search.folder / JOURNAL).exists():
        open_ledger(search).storage.close()


def _write(search: Search, front: Front) -> Front:
    return write_result(search.folder, front, search.request.top, beside={FILE: search.request.text()})


def _score_finalists(search: Search, ledger: Ledger, front: Front, say: Say) -> None:
    """Work out the proxy of the best candidates, and say it beside what they were ranked by."""
    job = Job(search.estimator.rung)
    best = front.front[: search.request.measure or FINALISTS]
    report = wait_for(ledger, enqueue(ledger, _rows(search, best), job), say=lambda text: None)
    scores = finished(ledger, job)
    for one in best:
        if one.hash in scores:
            say(
                f"{one.name}: {job.evaluation} {scores[one.hash]['score']:.6g}, {front.objective.unit} {one.accuracy:g}"
            )
    if report.signal is not None:
        raise KeyboardInterrupt


def open_ledger(search: Search) -> Ledger:
    """The study of a search: in its folder, or in the storage that was asked for. Raises SpecError."""
    request = search.request
    name = request.study or ("search" if request.storage is None else search.space.name)
    return open_study(
        request.storage or search.folder,
        name,
        space=search.space,
        sampler=request.sampler,
        seed=request.seed,
    )


def keep(search: Search, ledger: Ledger, front: Front) -> None:
    """Put the front and the published models into the study, as finished trials."""
    record(ledger, _rows(search, (*front.front, *front.published)), _predicted(search))


def measured(search: Search, ledger: Ledger, front: Front, say: Say) -> tuple[Front, bool]:
    """The front with its best candidates measured on this machine, and whether that was stopped before the last.

    What was measured before is not measured again. Where times are predicted for this very machine, those that turn
    out over the latency budget leave the front.
    """
    regime = _here(search)
    job = Job("measure", regime)
    best = front.front[: search.request.measure]
    keys = enqueue(ledger, _rows(search, best), job)
    report = wait_for(ledger, keys, say=say)
    found = finished(ledger, job)
    for trial in latest(ledger.trials(), keys).values():
        if trial.error:
            say(f"{trial.candidate.name} was not measured: {trial.error}")
    where, mode = str(regime["device"]), f"{regime['regime']} {regime['dtype']}"

    def with_measurement(one: Candidate) -> Candidate:
        figures = found.get(one.hash)
        if figures is None:
            return one
        low, high = figures["latency_low"], figures["latency_high"]
        measurement = Measurement(
            latency_ms=figures["latency_ms"],
            low=low,
            high=high,
            device=where,
            regime=mode,
            as_predicted=_is_here(search),
        )
        return one.model_copy(update={"measured": measurement})

    members = [with_measurement(one) for one in front.front]
    if _is_here(search):
        limit = _most_milliseconds(search)
        over = [one for one in members if one.measured is not None and one.measured.latency_ms > limit]
        for one in over:
            say(f"{one.name} is left out: {one.measured.latency_ms:.4g} ms measured, {limit:.4g} ms allowed")  # type: ignore[union-attr]
        members = [one for one in members if one not in over]
    facts = front.regime.model_copy(update={"measured_on": f"{where}, {mode}"})
    return front.model_copy(update={"front": tuple(members), "regime": facts}), report.signal is not None


def _rows(search: Search, candidates: Iterable[Candidate]) -> list[Row]:
    """Candidates as the study has them; limits are those of the search."""
    budgets = search.request.budgets.given()
    limits = {name: value for name, value in budgets.items() if not name.startswith("min_")}
    floors = {name.removeprefix("min_"): value for name, value in budgets.items() if name.startswith("min_")}
    return [
        Row(
            name=one.name,
            spec=one.spec,
            hash=one.hash,
            score=one.accuracy,
            choice=search.choices.get(one.hash, {}),
            figures={
                "latency_ms": one.latency_ms,
                "gmacs": one.macs / 1e9,
                "mparams": one.params / 1e6,
                "memory_gb": one.memory_bytes / 1e9,
                "throughput": one.throughput,
                "accuracy": one.accuracy,
            },
            limits=limits,
            floors=floors,
        )
        for one in candidates
    ]


def _task(search: Search) -> Regime:
    """What is timed, where that is not the model to classify."""
    return {} if search.request.task == "classify" else {"task": search.request.task}


def _predicted(search: Search) -> Regime:
    profile = search.profile
    return {
        **_task(search),
        "device": profile.device.name,
        "regime": profile.regime.name,
        "dtype": profile.regime.dtype,
        "batch": search.request.batch,
    }


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
    return {"device": device, "regime": mode, "dtype": dtype, "batch": search.request.batch, **_task(search)}
