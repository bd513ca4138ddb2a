"""What one of torch.profiler's traces says: the time of each operator, by stage, part and kind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hiera_compiler.profile.call_tree import (
    STEP,
    Kernels,
    Node,
    Place,
    Record,
    call_tree,
    is_part,
    is_step,
    kernels_by_origin,
    launched,
    stage_and_part,
    walk,
)
from hiera_compiler.profile.opkind import FUSED, OTHER, OVERHEAD, kind_of

BETWEEN = "between parts"
"""The stage of time that belongs to no part, and lies neither before nor after them all."""

_HOST = {"cpu_op", "user_annotation"}


@dataclass(frozen=True)
class Event:
    """Time of one operator; milliseconds, from the start of the pass. ``drawn`` where it is one piece of time."""

    stage: str
    part: str
    operator: str
    kind: str
    start: float
    ms: float
    drawn: bool = True


@dataclass(frozen=True)
class Span:
    """One part of the model at work, milliseconds from the start of the pass."""

    stage: str
    part: str
    start: float
    ms: float


@dataclass(frozen=True)
class Pass:
    """One pass of the model through a batch."""

    ms: float
    events: tuple[Event, ...]
    spans: tuple[Span, ...]


def read(file: Path) -> list[Pass]:
    """The passes of a trace file, plain or gzipped."""
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return passes(json.loads(content)["traceEvents"])


def passes(records: Iterable[Record]) -> list[Pass]:
    """The passes among the events of a trace in Chrome's format: what lies in each step of the profiler."""
    complete = [record for record in records if record.get("ph") == "X"]
    steps = [record for record in complete if is_step(record) and record.get("cat") == "user_annotation"]
    kernels = kernels_by_origin(complete)
    return [_pass(step, complete, kernels) for step in sorted(steps, key=lambda step: float(step["ts"]))]


def _pass(step: Record, records: Sequence[Record], kernels: Kernels) -> Pass:
    start, end = float(step["ts"]), float(step["ts"]) + float(step["dur"])
    inside = [
        record
        for record in records
        if record["tid"] == step["tid"] and record.get("cat") in _HOST and start <= float(record["ts"]) < end
    ]
    tree = call_tree(inside)
    events = list(_device_events(tree, kernels, start) if kernels else _host_events(tree, start))
    spans = [
        Span(*stage_and_part(record), (float(record["ts"]) - start) / 1e3, float(record["dur"]) / 1e3)
        for record in inside
        if is_part(record)
    ]
    if kernels:
        spans = _spans_of_kernels(events)
    return Pass(float(step["dur"]) / 1e3, tuple(_placed(events)), tuple(spans))


def _host_events(root: Node, start: float) -> Iterator[Event]:
    """Time of the thread that ran the operators: all of it, for what is in no operator is a kind too."""
    for place in walk(root):
        record = place.node.record
        at = (float(record["ts"]) - start) / 1e3
        if place.is_whole or (place.kind == OTHER and not place.node.children):
            yield _event(place, place.kind, at, float(record["dur"]) / 1e3)
        elif place.node.own:
            yield _event(place, FUSED if place.compiled else place.kind, at, place.node.own / 1e3, drawn=False)


def _device_events(root: Node, kernels: Kernels, start: float) -> Iterator[Event]:
    """Time of the kernels that operators launched, and the rest of the pass, in which the device waits."""
    waits = float(root.record["dur"]) / 1e3
    for place in walk(root):
        for kernel in launched(place.node, kernels, whole=place.is_whole):
            kind = place.kind if place.is_whole else kind_of(str(kernel["name"]))
            ms = float(kernel["dur"]) / 1e3
            waits -= ms
            yield _event(place, kind, (float(kernel["ts"]) - start) / 1e3, ms)
    yield Event("", "", str(root.record["name"]), OVERHEAD, 0.0, max(0.0, waits), drawn=False)


def _event(place: Place, kind: str, start: float, ms: float, drawn: bool = True) -> Event:
    return Event(place.stage, place.part, str(place.node.record["name"]), kind, start, ms, drawn)


def _placed(events: Sequence[Event]) -> Iterator[Event]:
    """What lies outside all parts belongs to the stem before the first of them, and to the head after the last.

    What follows a decoder is no head: there the loss is computed, with its target.
    """
    inside = sorted((event for event in events if event.part), key=lambda event: event.start)
    first, last = (inside[0].start, inside[-1].start) if inside else (0.0, 0.0)
    after = "loss" if inside and inside[-1].stage == "decoder" else "head"
    for event in sorted(events, key=lambda event: event.start):
        if event.part:
            yield event
            continue
        # The step's own time spreads over the whole pass.
        between = event.operator.startswith(STEP) or first <= event.start <= last
        stage = BETWEEN if between else "stem" if event.start < first else after
        yield Event(stage, "", event.operator, event.kind, event.start, event.ms, event.drawn)


def _spans_of_kernels(events: Sequence[Event]) -> list[Span]:
    """The time from the first to the last kernel of each part: launching runs ahead of a GPU."""
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for event in events:
        if event.part:
            low, high = found.get((event.stage, event.part), (event.start, event.start))
            found[event.stage, event.part] = min(low, event.start), max(high, event.start + event.ms)
    spans = [Span(stage, part, low, high - low) for (stage, part), (low, high) in found.items()]
    return sorted(spans, key=lambda span: span.start)
