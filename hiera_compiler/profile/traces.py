"""Traces of torch.profiler, in the files that torch-tb-profiler and Perfetto read."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch.profiler import ProfilerActivity, profile, schedule, tensorboard_trace_handler

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.pipeline import Compilation
from hiera_compiler.profile import events, machine, page, problems, roofline
from hiera_compiler.profile.bench import Bench, Setup
from hiera_compiler.profile.record import Protocol, Regime
from hiera_compiler.profile.spans import named
from hiera_compiler.profile.subject import Subject
from hiera_compiler.profile.sweep import OutOfMemory

PASSES = 5


@dataclass(frozen=True)
class Traced:
    """The files of one model: the trace, and the page made from it."""

    trace: Path
    page: Path


def trace(
    model: Compilation | Subject,
    folder: Path,
    batch: int,
    *,
    device: str = "cpu",
    dtype: str | None = None,
    regime: Regime = "eager",
    predicted: Mapping[str, float] | None = None,
    predicted_for: str = "",
    protocol: Protocol | None = None,
) -> Traced:
    """Trace some passes at a batch and write the trace file and its page into the folder.

    ``predicted`` are milliseconds of a pass by stage, to be shown beside what was measured, and ``predicted_for``
    says of which device and regime. Raises SpecError where the model cannot run so, or the folder cannot be written.
    """
    subject = model if isinstance(model, Subject) else Subject.of(model)
    at = machine.find_device(device)
    number_format = machine.find_dtype(dtype, at)
    setup = Setup(at, number_format, regime, protocol or Protocol(), machine.timer(at))
    try:
        bench = Bench(subject, setup, batch)
        written = record(bench, batch, folder)
        with bench.running(batch):
            limits = roofline.ceilings(at, number_format, setup.timer)
    except OutOfMemory as error:
        raise SpecError(problems.batch_too_large(subject.name, batch, error.needed, error.available)) from error
    shown = page.Profile(
        name=subject.name,
        batch=batch,
        conditions=bench.conditions(),
        passes=events.read(written),
        work=bench.observed.kinds,
        limits=limits,
        predicted=predicted,
        predicted_for=predicted_for,
        trace=written.name,
    )
    target = folder / f"{file_name(bench)}.html"
    try:
        target.write_text(page.render(shown), encoding="utf-8")
    except OSError as error:
        raise SpecError(problems.trace_not_written(target, error)) from None
    return Traced(written, target)


def require_folder(folder: Path) -> None:
    """Raises SpecError where traces could not be written to the folder; makes nothing."""
    above = folder
    while not above.exists() and above != above.parent:
        above = above.parent
    reason = errno.ENOTDIR if not above.is_dir() else None if os.access(above, os.W_OK | os.X_OK) else errno.EACCES
    if reason is not None:
        raise SpecError(problems.trace_not_written(folder, OSError(reason, "")))


def record(bench: Bench, batch: int, folder: Path, count: int = PASSES) -> Path:
    """The trace file of some passes at a batch, with a span for each block. Raises SpecError where it cannot be."""
    activities = [ProfilerActivity.CPU]
    if bench.setup.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    call = bench.inference(batch)
    before = _traces(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            bench.running(batch),
            named(bench.module, bench.subject.stages),
            profile(
                activities=activities,
                schedule=schedule(wait=0, warmup=1, active=count),
                on_trace_ready=tensorboard_trace_handler(str(folder), worker_name=file_name(bench)),
                acc_events=True,
            ) as profiler,
        ):
            for _ in range(count + 1):
                call()
                # What a step launched belongs to the step.
                bench.setup.timer.synchronise()
                profiler.step()
        (file,) = _traces(folder) - before
    except OSError as error:
        raise SpecError(problems.trace_not_written(folder, error)) from None
    return file


def file_name(bench: Bench) -> str:
    """The names of model and regime as part of a file name on any system."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', bench.subject.name)[:100]}.{bench.setup.regime}"


def _traces(folder: Path) -> set[Path]:
    return set(folder.glob("*.pt.trace.json"))
