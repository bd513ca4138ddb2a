"""One model of a session: made ready at its batch, and what has been found out about it since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

from hiera_compiler.profile.bench import Bench, Setup
from hiera_compiler.profile.record import Conditions, Latency, Measurement, Protocol, Training
from hiera_compiler.profile.subject import Subject
from hiera_compiler.profile.sweep import Tried, best_batch, sweep
from hiera_compiler.profile.timing import Spread, quantile

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""


@dataclass
class Entry:
    """A model on its bench with its batch, and its figures: rates are samples per second, latencies milliseconds."""

    bench: Bench
    conditions: Conditions
    compile_seconds: float | None
    tried: Sequence[Tried]
    batch: int
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    memory: int | None = None
    train_batch: int = 0
    train_rates: list[float] = field(default_factory=list)

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
            training=Training(self.train_batch, Spread.of(self.train_rates)) if self.train_rates else None,
            compile_seconds=self.compile_seconds,
            notes=self.bench.notes,
        )


def prepare(subject: Subject, setup: Setup, batch: int | Literal["auto"], progress: Progress) -> Entry:
    """A model that is compiled where the regime asks for it, at the batch that was asked for or the best of a sweep."""
    bench = Bench(subject, setup)
    conditions, compile_seconds = bench.conditions(), _compile_seconds(bench, progress)
    if batch != "auto":
        return Entry(bench, conditions, compile_seconds, (), batch)
    tried = _sweep(bench, progress)
    return Entry(bench, conditions, compile_seconds, tried, best_batch(tried))


def _compile_seconds(bench: Bench, progress: Progress) -> float | None:
    """Seconds of the first call of a compiled model."""
    if bench.setup.regime != "compiled":
        return None
    progress(f"compiling {bench.subject.name}", 0, 1)
    with bench.running(1):
        pixels = bench.pixels(1)
        with torch.inference_mode():
            return bench.setup.timer.seconds(lambda: bench.module(pixels))


def _sweep(bench: Bench, progress: Progress) -> list[Tried]:
    protocol, timer = bench.setup.protocol, bench.setup.timer

    def rate(batch: int) -> float:
        call = bench.inference(batch)
        with bench.running(batch):
            times = timer.calls_in(call, protocol.seconds / 2)
            return batch / quantile([timer.seconds(call, times) for _ in range(protocol.sweep_rounds)], 0.5)

    found: list[Tried] = []
    for tried in sweep(rate, protocol.largest_batch, protocol.gain):
        found.append(tried)
        progress(f"batch sweep of {bench.subject.name}", len(found), protocol.largest_batch.bit_length())
    return found


def _latency(values: Sequence[float]) -> Latency:
    return Latency(quantile(values, 0.5), quantile(values, 0.9), quantile(values, 0.99), len(values))
