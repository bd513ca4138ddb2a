"""The time of one batch on the device at hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from hiera_compiler.diagnostics import Diagnostic, SpecError, code, quoted

if TYPE_CHECKING:
    from hiera_compiler.profile.record import Regime
    from hiera_search.ledger.evaluations import Task


def evaluate(task: Task) -> Mapping[str, float]:
    """Milliseconds of one batch: the median, and the tenth and ninetieth percentile of single calls.

    The regime names ``device`` (cpu, cuda, cuda:1), ``regime`` (eager, compiled), ``dtype`` and ``batch``. Raises
    SpecError where the device, the format or the batch cannot be had, and where the model cannot run or compile.
    """
    # Before torch is imported: its profiler would print its stages on stderr.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    from hiera_compiler.profile import problems
    from hiera_compiler.profile.bench import Bench
    from hiera_compiler.profile.subject import Subject
    from hiera_compiler.profile.sweep import OutOfMemory
    from hiera_compiler.profile.timing import quantile

    setup, batch = _setup(task.job.regime), int(task.job.regime.get("batch", 1))
    subject = Subject.of(task.compilation)
    try:
        bench = Bench(subject, setup)
        call = bench.inference(batch)
    except OutOfMemory as error:
        diagnostic = problems.batch_too_large(subject.name, error.batch, error.needed, error.available)
        raise SpecError(diagnostic) from error
    milliseconds: list[float] = []
    with bench.running(batch):
        start = setup.timer.clock()
        while len(milliseconds) < setup.protocol.latency_calls:
            milliseconds.append(1000 * setup.timer.seconds(call))
            if len(milliseconds) >= 10 and setup.timer.clock() - start > setup.protocol.latency_seconds:
                break
    low, median, high = (quantile(milliseconds, share) for share in (0.1, 0.5, 0.9))
    return {"latency_ms": median, "latency_low": low, "latency_high": high, "calls": len(milliseconds)}


def unable(task: Task) -> str | None:
    """Why it cannot be measured here: there is no such device."""
    device = str(task.job.regime.get("device", "cpu"))
    if device == "cpu":
        return None
    from hiera_compiler.profile.machine import find_device

    try:
        find_device(device)
    except SpecError as error:
        return error.diagnostics[0].message
    except RuntimeError:
        return f"torch knows no device named '{device}'"
    return None


@code("H683")
def no_such_regime(name: str) -> Diagnostic:
    """A model is measured eagerly or compiled, in one number format; there is no other regime to measure in."""
    return Diagnostic("H683", f"models are not measured in the regime {quoted(name)}", (), "use eager or compiled")


def _setup(regime: Mapping[str, str | int]) -> Any:
    from hiera_compiler.profile import machine
    from hiera_compiler.profile.bench import Setup
    from hiera_compiler.profile.record import Protocol

    name = str(regime.get("regime", "eager"))
    if name not in ("eager", "compiled"):
        raise SpecError(no_such_regime(name))
    at = machine.find_device(str(regime.get("device", "cpu")))
    dtype = machine.find_dtype(str(regime["dtype"]) if "dtype" in regime else None, at)
    return Setup(at, dtype, cast("Regime", name), Protocol(), machine.timer(at))
