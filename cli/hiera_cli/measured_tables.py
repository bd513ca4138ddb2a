"""Measurements for people: one row for each model, then ratios, and the conditions that all of it holds under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hiera_cli.columns import columns

if TYPE_CHECKING:
    from hiera_compiler.profile import Measurement, Run
    from hiera_compiler.profile.timing import Spread

NOTHING = "–"

_HEADER = [
    "measured",
    "batch",
    "samples/s",
    "quartiles",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "peak MB",
    "train/s",
    "at batch",
]


def tables(run: Run, days: Mapping[int, float]) -> str:
    """The measurements of a run; ``days`` are those of training, by position, where they were asked for."""
    header = [*_HEADER, *(["device-days"] if days else [])]
    rows = []
    for index, one in enumerate(run.measurements):
        rows.append(_cells(one) + ([_figure(days.get(index))] if days else []))
    lines = [columns(header, rows, right=range(1, len(header))), *_ratios(run), *_sweeps(run), _conditions(run)]
    return "\n\n".join(line for line in lines if line)


def _cells(one: Measurement) -> list[str]:
    latency, training = one.latency, one.training
    return [
        one.name,
        str(one.batch or NOTHING),
        _figure(one.throughput.median if one.throughput else None),
        _quartiles(one.throughput),
        *(_figure(value) for value in ((latency.p50, latency.p90, latency.p99) if latency else (None, None, None))),
        NOTHING if one.memory_bytes is None else f"{one.memory_bytes / 1e6:.1f}",
        _figure(training.throughput.median if training else None),
        str(training.batch) if training else NOTHING,
    ]


def _ratios(run: Run) -> Iterator[str]:
    lines = []
    for one in run.ratios:
        times = one.times
        spread = f"{times.median:.3g} ({times.lower:.3g}–{times.upper:.3g})"
        lines.append(f"{one.name} has {spread} times the throughput of {one.base}")
    if lines:
        yield "\n".join(lines)


def _sweeps(run: Run) -> Iterator[str]:
    lines = []
    for one in run.measurements:
        tried = [
            f"{found.batch}: {_figure(found.throughput) if found.throughput is not None else 'out of memory'}"
            for found in one.tried
        ]
        lines += [f"batches tried for {one.name}, samples/s: {', '.join(tried)}"] if tried else []
        if one.compile_seconds is not None:
            how = "; ".join(one.notes)
            lines.append(f"{one.name}: {how}; the first call took {one.compile_seconds:.1f} s")
    if lines:
        yield "\n".join(lines)


def _conditions(run: Run) -> str:
    one = run.measurements[0]
    at, protocol = one.conditions, one.protocol
    attention = ", ".join(sorted({each.conditions.attention for each in run.measurements}))
    several = "; the models took turns, and ratios are of rounds" if len(run.measurements) > 1 else ""
    words = (
        f"On {at.device}, {at.date}:\n{at.dtype}, {at.regime}, attention {attention}, torch {at.torch}, "
        f"{at.threads} thread{'' if at.threads == 1 else 's'}.\n"
        f"Inference alone, median and quartiles of {protocol.rounds} rounds of {protocol.seconds:g} s or more, after "
        f"{protocol.warmup} calls{several}.\n"
        "Latency: one call at batch 1. peak: what torch had allocated in one pass, weights included. "
        "train: forward and\nbackward, without data loading and optimiser."
    )
    return f"interrupted: what is complete is above\n\n{words}" if run.interrupted else words


def _quartiles(spread: Spread | None) -> str:
    return NOTHING if spread is None else f"{_figure(spread.lower)}–{_figure(spread.upper)}"


def _figure(value: float | None) -> str:
    """Four digits."""
    if value is None:
        return NOTHING
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"
