"""Measuring models by the paper's protocol, several in turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.pipeline import Compilation
from hiera_compiler.profile import machine, problems
from hiera_compiler.profile.bench import Setup
from hiera_compiler.profile.entry import Entry, Progress, prepare
from hiera_compiler.profile.record import Protocol, Ratio, Regime, Run
from hiera_compiler.profile.subject import Subject
from hiera_compiler.profile.sweep import OutOfMemory
from hiera_compiler.profile.timing import Call, Spread, Timer, in_turns

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


class _Session:
    """The steps of one run; each leaves what it found in the entries."""

    def __init__(self, setup: Setup, batch: int | Literal["auto"], train: bool, progress: Progress) -> None:
        self.setup = setup
        self.asked = batch
        self.train = train
        self.progress = progress
        self.entries: list[Entry] = []
        self.interrupted = False

    def run(self, subjects: Sequence[Subject]) -> None:
        """All steps, in the order of what people ask for first."""
        for subject in subjects:
            self.progress(f"preparing {subject.name}", 0, 1)
            self.entries.append(prepare(subject, self.setup, self.asked, self.progress))
        self._throughput()
        self._latency()
        if self.train:
            self._training()

    def result(self) -> Run:
        """What is complete."""
        protocol = self.setup.protocol
        measured = tuple(entry.measurement(protocol) for entry in self.entries)
        return Run(measured, tuple(self._ratios()), self.interrupted)

    def _rounds(self, what: str, calls: Sequence[Call]) -> Iterator[tuple[float, ...]]:
        """For each round the seconds of one call of each, every repeat as long as the protocol has it."""
        protocol, timer = self.setup.protocol, self.setup.timer
        times = [timer.calls_in(call, protocol.seconds) for call in calls]
        for number, taken in enumerate(in_turns(calls, times, protocol.rounds, timer), start=1):
            yield taken
            self.progress(what, number, protocol.rounds)

    def _throughput(self) -> None:
        calls = [entry.bench.inference(entry.batch) for entry in self.entries]
        for taken in self._rounds("throughput", calls):
            for entry, seconds in zip(self.entries, taken, strict=True):
                entry.rates.append(entry.batch / seconds)
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
        ready = []
        for entry in self.entries:
            self.progress(f"preparing to train {entry.bench.subject.name}", 0, 1)
            call = self._train_call(entry)
            if call is not None:
                ready.append((entry, call))
        for taken in self._rounds("training", [call for _, call in ready]):
            for (entry, _), seconds in zip(ready, taken, strict=True):
                entry.train_rates.append(entry.train_batch / seconds)

    def _train_call(self, entry: Entry) -> Call | None:
        """Forward and backward at the largest power of two up to the batch that fits; none where none does."""
        batch = 1 << (entry.batch.bit_length() - 1)
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
