"""The geometry of a page's charts, in pixels of drawings WIDTH wide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log10
from types import MappingProxyType

from hiera_compiler.profile.events import BETWEEN, Event, Pass

WIDTH = 1040
LEFT = 104  # the width of names beside bars
RIGHT = 128  # and that of figures

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "linear": "#3b6fd4",
        "attention": "#e4572e",
        "softmax": "#f2a33a",
        "norm": "#2a9d8f",
        "activation": "#8e5bd0",
        "pool": "#d6568f",
        "add and scale": "#6aa84f",
        "copy": "#a5724a",
        "convolution": "#17a2c4",
        "fused": "#5b61c9",
        "other": "#8a919c",
        "framework": "#b9c0ca",
    }
)
"""One colour for each kind, the same in every chart."""


@dataclass(frozen=True)
class Box:
    """A rectangle with what a pointer over it shows."""

    x: float
    width: float
    colour: str
    title: str
    label: str = ""


@dataclass(frozen=True)
class StageRow:
    """One stage: its time in pieces by kind, and the prediction where there is one."""

    name: str
    y: float
    ms: float
    share: float
    boxes: tuple[Box, ...]
    predicted: float | None
    predicted_width: float


@dataclass(frozen=True)
class Stages:
    """The bars of all stages."""

    height: float
    rows: tuple[StageRow, ...]


@dataclass(frozen=True)
class Tick:
    """A place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """One pass from left to right: the parts of the model above its operators."""

    stages: tuple[Box, ...]
    parts: tuple[Box, ...]
    operators: tuple[Box, ...]
    ticks: tuple[Tick, ...]


def stages(one: Pass, predicted: Mapping[str, float] | None) -> Stages:
    """Bars of time by stage, in the order in which the stages run."""
    totals: dict[str, dict[str, float]] = {}
    for event in sorted(one.events, key=lambda event: event.start):
        kinds = totals.setdefault(event.stage, {})
        kinds[event.kind] = kinds.get(event.kind, 0.0) + event.ms
    # What lies between parts has no place of its own.
    order = sorted(totals, key=lambda name: name == BETWEEN)
    longest = max([*(sum(totals[name].values()) for name in order), *(predicted or {}).values(), 1e-9])
    scale = (WIDTH - LEFT - RIGHT) / longest
    pitch, rows = 46 if predicted else 34, []
    for number, name in enumerate(order):
        ms = sum(totals[name].values())
        guess = (predicted or {}).get(name)
        rows.append(
            StageRow(name, number * pitch, ms, ms / one.ms, _pieces(totals[name], scale), guess, (guess or 0.0) * scale)
        )
    return Stages(len(rows) * pitch, tuple(rows))


def timeline(one: Pass) -> Timeline:
    """The parts and operators of a pass; operators too short to be seen are left out."""
    scale = WIDTH / one.ms
    order = list(dict.fromkeys(span.stage for span in one.spans))
    parts = tuple(
        Box(
            span.start * scale,
            max(0.5, span.ms * scale - 1),
            ("#7d8aa0", "#a3aec0")[order.index(span.stage) % 2],
            f"{span.stage}, {span.part}: {milliseconds(span.ms)}",
            _fitting(span.part, span.ms * scale),
        )
        for span in one.spans
    )
    operators = tuple(
        Box(event.start * scale, max(0.4, event.ms * scale - 0.15), COLOURS[event.kind], _describe(event))
        for event in one.events
        if event.drawn and event.ms * scale >= 0.1
    )
    return Timeline(_stage_boxes(one, scale), parts, operators, tuple(_time_ticks(one.ms, scale)))


def milliseconds(value: float) -> str:
    """A time in ms with three digits."""
    return f"{value:.0f} ms" if value >= 100 else f"{value:.3g} ms"


def _pieces(kinds: Mapping[str, float], scale: float) -> tuple[Box, ...]:
    boxes, x = [], float(LEFT)
    for kind in sorted(kinds, key=list(COLOURS).index):
        width = kinds[kind] * scale
        boxes.append(Box(x, max(0.3, width - 0.7), COLOURS[kind], f"{kind}: {milliseconds(kinds[kind])}"))
        x += width
    return tuple(boxes)


def _describe(event: Event) -> str:
    where = f" in {event.part}" if event.part else ""
    return f"{event.operator} ({event.kind}){where}: {milliseconds(event.ms)}"


def _stage_boxes(one: Pass, scale: float) -> tuple[Box, ...]:
    """From the first to the last part of each stage."""
    extents: dict[str, tuple[float, float]] = {}
    for span in one.spans:
        low, high = extents.get(span.stage, (span.start, span.start))
        extents[span.stage] = min(low, span.start), max(high, span.start + span.ms)
    return tuple(
        Box(
            low * scale,
            max(0.5, (high - low) * scale - 1),
            "",
            f"{stage}: {milliseconds(high - low)}",
            stage if (high - low) * scale > 7.5 * len(stage) else "",
        )
        for stage, (low, high) in extents.items()
    )


def _fitting(part: str, width: float) -> str:
    short = part.rpartition(".")[2]
    return short if width > 8 * len(short) + 6 else ""


def _time_ticks(ms: float, scale: float) -> list[Tick]:
    raw = ms / 8
    unit = 10.0 ** floor(log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw)
    return [Tick(number * step * scale, f"{number * step:g}") for number in range(int(ms / step) + 1)]
