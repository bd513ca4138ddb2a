"""Measuring models by the paper's protocol, several in turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.pipeline import Compilation
from hiera_compiler.profile import machine, problems
from hiera_compiler.profile.bench import Bench, Setup
from hiera_compiler.profile.record import Conditions, Latency, Measurement, Protocol, Ratio, Regime, Run, Training
from hiera_compiler.profile.subject import Subject
from hiera_compiler.profile.sweep import OutOfMemory, Tried, best_batch, sweep
from hiera_compiler.profile.timing import Call, Spread, Timer, in_turns, quantile

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""

MS = 1000.0


def measure(
    models: Sequence[Compilation | Subject],
    *,
    device: str = "cpu",
    dtype: str | None = None,
    batch: int | Literal["auto"] = "auto",
    regime: Regime = "eager",
    train: bool = True,
    protocol: Protocol | None = None,
    progress: Progress = lambda what, done, total: None,
    timer: Timer | None = None,
) -> Run:
    """Throughput at the best batch, latency at batch 1, memory and training speed of each model.

    All models are measured in one run, in turns, so that their ratios hold although machines drift. The batch is
    the best of a sweep over powers of two, or the given one; training takes the largest power of two up to it
    that fits. An interruption (KeyboardInterrupt) ends the run early and keeps what is complete. Raises SpecError
    where the device, the format or the batch cannot be had, and where a model cannot run or compile.
    """
    if batch != "auto" and (isinstance(batch, bool) or batch < 1):
        raise SpecError(problems.not_a_batch(batch))
    at = machine.find_device(device)
    number_format = machine.find_dtype(dtype, at)
    setup = Setup(at, number_format, regime, protocol or Protocol(), timer or machine.timer(at))
    session = _Session(setup, batch, train, progress)
    try:
        session.run([model if isinstance(model, Subject) else Subject.of(model) for model in models])
    except KeyboardInterrupt:
        session.interrupted = True
    except OutOfMemory as error:
        raise SpecError(problems.batch_too_large(error.name, error.batch, error.needed, error.available)) from error
    return session.result()


class _Entry:
    """One model of a session, and what has been found out about it."""

    def __init__(self, bench: Bench, conditions: Conditions) -> None:
        self.bench = bench
        self.conditions = conditions
        self.tried: list[Tried] = []
        self.batch: int | None = None
        self.compile_seconds: float | None = None
        self.rates: list[float] = []
        self.latencies: list[float] = []
        self.memory: int | None = None
        self.train_batch: int | None = None
        self.train_rates: list[float] = []

    def measurement(self, protocol: Protocol) -> Measurement:
        """What is complete."""
        subject = self.bench.subject
        return Measurement(
            name=subject.name,
            conditions=self.conditions,
            protocol=protocol,
            input_shape=subject.input_shape,
            tried=tuple(self.tried),
            batch=self.batch,
            throughput=Spread.of(self.rates) if self.rates else None,
            latency=_latency(self.latencies) if self.latencies else None,
            memory_bytes=self.memory,
            training=Training(self.train_batch or 1, Spread.of(self.train_rates)) if self.train_rates else None,
            compile_seconds=self.compile_seconds,
            notes=self.bench.notes,
        )


class _Session:
    """The steps of one run; each leaves what it found in the entries."""

    def __init__(self, setup: Setup, batch: int | Literal["auto"], train: bool, progress: Progress) -> None:
        self.setup = setup
        self.asked = batch
        self.train = train
        self.progress = progress
        self.entries: list[_Entry] = []
        self.interrupted = False

    def run(self, subjects: Sequence[Subject]) -> None:
        """All steps, in the order of what people ask for first."""
        for subject in subjects:
            self.progress(f"preparing {subject.name}", 0, 1)
            entry = self._entry(subject)
            self._choose_batch(entry)
            self.entries.append(entry)
        self._throughput()
        self._latency()
        if self.train:
            self._training()

    def result(self) -> Run:
        """What is complete."""
        protocol = self.setup.protocol
        measured = tuple(entry.measurement(protocol) for entry in self.entries)
        return Run(measured, tuple(self._ratios()), self.interrupted)

    def _entry(self, subject: Subject) -> _Entry:
        bench = Bench(subject, self.setup)
        entry = _Entry(bench, bench.conditions())
        if self.setup.regime == "compiled":
            self.progress(f"compiling {subject.name}", 0, 1)
            with bench.running(1):
                pixels = bench.pixels(1)
                with torch.inference_mode():
                    entry.compile_seconds = self.setup.timer.seconds(lambda: bench.module(pixels))
        return entry

    def _choose_batch(self, entry: _Entry) -> None:
        bench, protocol, timer = entry.bench, self.setup.protocol, self.setup.timer
        if self.asked != "auto":
            entry.batch = self.asked
            return

        def rate(batch: int) -> float:
            call = bench.inference(batch)
            with bench.running(batch):
                times = timer.calls_in(call, protocol.seconds / 2)
                return batch / quantile([timer.seconds(call, times) for _ in range(protocol.sweep_rounds)], 0.5)

        steps = protocol.largest_batch.bit_length()
        for tried in sweep(rate, protocol.largest_batch, protocol.gain):
            entry.tried.append(tried)
            self.progress(f"batch sweep of {bench.subject.name}", len(entry.tried), steps)
        entry.batch = best_batch(entry.tried)

    def _throughput(self) -> None:
        protocol, timer = self.setup.protocol, self.setup.timer
        calls = [entry.bench.inference(entry.batch or 1) for entry in self.entries]
        times = [timer.calls_in(call, protocol.seconds) for call in calls]
        for number, taken in enumerate(in_turns(calls, times, protocol.rounds, timer), start=1):
            for entry, seconds in zip(self.entries, taken, strict=True):
                entry.rates.append((entry.batch or 1) / seconds)
            self.progress("throughput", number, protocol.rounds)
        for entry, call in zip(self.entries, calls, strict=True):
            entry.memory = entry.bench.peak_bytes(call)

    def _latency(self) -> None:
        protocol, timer = self.setup.protocol, self.setup.timer
        calls = [entry.bench.inference(1) for entry in self.entries]
        start = timer.clock()
        for number, taken in enumerate(in_turns(calls, [1] * len(calls), protocol.latency_calls, timer), start=1):
            for entry, seconds in zip(self.entries, taken, strict=True):
                entry.latencies.append(seconds * MS)
            self.progress("latency at batch 1", number, protocol.latency_calls)
            if number >= 10 and timer.clock() - start > protocol.latency_seconds * len(calls):
                return

    def _training(self) -> None:
        protocol, timer, ready = self.setup.protocol, self.setup.timer, []
        for entry in self.entries:
            self.progress(f"preparing to train {entry.bench.subject.name}", 0, 1)
            call = self._train_call(entry)
            if call is not None:
                ready.append((entry, call))
        calls = [call for _, call in ready]
        times = [timer.calls_in(call, protocol.seconds) for call in calls]
        for number, taken in enumerate(in_turns(calls, times, protocol.rounds, timer), start=1):
            for (entry, _), seconds in zip(ready, taken, strict=True):
                entry.train_rates.append((entry.train_batch or 1) / seconds)
            self.progress("training", number, protocol.rounds)

    def _train_call(self, entry: _Entry) -> Call | None:
        """Forward and backward at the largest power of two up to the batch that fits; none where none does."""
        batch = 1 << ((entry.batch or 1).bit_length() - 1)
        while batch:
            try:
                call = entry.bench.training(batch)
            except OutOfMemory:
                batch //= 2
            else:
                entry.train_batch = batch
                return call
        return None

    def _ratios(self) -> list[Ratio]:
        base = self.entries[0] if self.entries else None
        if base is None or not base.rates:
            return []
        return [
            Ratio(
                entry.bench.subject.name,
                base.bench.subject.name,
                Spread.of([rate / of_base for rate, of_base in zip(entry.rates, base.rates, strict=True)]),
            )
            for entry in self.entries[1:]
        ]


def _latency(values: Sequence[float]) -> Latency:
    return Latency(quantile(values, 0.5), quantile(values, 0.9), quantile(values, 0.99), len(values))
