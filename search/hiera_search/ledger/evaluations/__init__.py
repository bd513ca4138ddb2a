"""Evaluations by name: each is a file here, or a module that another package names as an entry point.

A module has ``evaluate(task)``, which gives figures by name, and may have ``unable(task)``, which gives the reason why
this machine cannot do it. What follows a colon in the name is the task's option, as in ``proxy:synflow``. The ledger
holds names alone: no code comes out of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

from hiera_compiler.diagnostics import Diagnostic, SpecError, code, did_you_mean, quoted
from hiera_search.ledger.trials import Candidate, Job

if TYPE_CHECKING:
    from hiera_compiler.pipeline import Compilation

GROUP = "hiera_search.evaluations"


@dataclass(frozen=True)
class Task:
    """What an evaluation is asked for: a candidate, and the job with its regime."""

    candidate: Candidate
    job: Job

    @property
    def option(self) -> str:
        """What follows the colon in the evaluation's name."""
        return self.job.evaluation.partition(":")[2]

    @cached_property
    def compilation(self) -> Compilation:
        """The candidate's compilation. Raises SpecError where its spec is not lawful, or not the one it is known as."""
        from hiera_compiler.pipeline import Compilation
        from hiera_compiler.source import read_text

        # As any spec, it is read as a text: what a ledger holds is not trusted.
        is_autoencoder = self.job.regime.get("task") == "mae"
        source = read_text(json.dumps(dict(self.candidate.spec)), self.candidate.name)
        found = Compilation(source, "mae" if is_autoencoder else "classify")
        if found.spec.hash != self.candidate.hash:
            raise SpecError(other_spec(self.candidate.name))
        return found


@cache
def modules() -> Mapping[str, str]:
    """The modules of all evaluations by name: ours, then those of other packages."""
    ours = {info.name: f"{__name__}.{info.name}" for info in iter_modules(__path__)}
    return {entry.name: entry.value for entry in entry_points(group=GROUP)} | ours


def unable(task: Task) -> str | None:
    """Why the evaluation cannot be done here; None where it can."""
    try:
        reason = getattr(_module(task.job.evaluation), "unable", None)
    except SpecError as error:
        return error.diagnostics[0].message
    return str(found) if reason is not None and (found := reason(task)) else None


def evaluate(task: Task) -> dict[str, float]:
    """The figures of a task. Raises SpecError where it is unknown or gives none, and whatever the evaluation raises."""
    call: Callable[[Task], Mapping[str, float]] = _module(task.job.evaluation).evaluate
    figures = {str(name): float(value) for name, value in call(task).items()}
    wrong = [name for name, value in figures.items() if not math.isfinite(value)]
    if wrong:
        raise SpecError(not_a_number(task.job.evaluation, wrong[0], figures[wrong[0]]))
    return figures


def _module(evaluation: str) -> ModuleType:
    name = evaluation.partition(":")[0]
    known = modules()
    if name not in known:
        raise SpecError(unknown_evaluation(name, known))
    try:
        return import_module(known[name])
    except ImportError as error:
        raise SpecError(not_imported(name, str(error).partition("\n")[0])) from error


@code("H678")
def unknown_evaluation(name: str, known: Collection[str]) -> Diagnostic:
    """There is no such evaluation here.

    Evaluations are found by name, and a study holds names alone. A trial whose evaluation this machine does not know
    waits for a worker that does.
    """
    near = did_you_mean(name, known)
    help = f"did you mean {quoted(near)}?" if near else f"known here: {', '.join(sorted(known))}"
    return Diagnostic("H678", f"no evaluation is named {quoted(name)}", (), help)


@code("H679")
def not_imported(name: str, reason: str) -> Diagnostic:
    """The module of an evaluation cannot be imported."""
    help = "install what it needs, or remove the package that it is from"
    return Diagnostic("H679", f"the evaluation {quoted(name)} cannot be imported: {reason}", (), help)


@code("H680")
def not_a_number(evaluation: str, name: str, value: float) -> Diagnostic:
    """An evaluation gave a figure that is no finite number, which no search could rank."""
    return Diagnostic("H680", f"the evaluation {quoted(evaluation)} gave {value} as {quoted(name)}")


@code("H681")
def other_spec(name: str) -> Diagnostic:
    """The spec in the ledger is not the one that its trial is about.

    A trial is known by the hash of its spec. Another version of the compiler may resolve the spec otherwise, or the
    ledger was changed by hand.
    """
    help = "run the search again, with the version of the worker"
    return Diagnostic("H681", f"the spec of {quoted(name)} has another hash than its trial says", (), help)
