"""What one of torch.profiler's traces says: the time of each operator, by stage, part and kind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiera_compiler.profile.opkind import FUSED, OTHER, OVERHEAD, kind_of
from hiera_compiler.profile.spans import SEPARATOR

Record = Mapping[str, Any]
Kernels = Mapping[int, Sequence[Record]]
"""What ran on a GPU, by the number of the operator that launched it."""

STEP = "ProfilerStep#"
BETWEEN = "between parts"
"""The stage of time that belongs to no part, and lies neither before nor after them all."""

_COMPILED = "## Call CompiledFxGraph"
_AROUND_COMPILED = ("Torch-Compiled Region", "CompiledFunction", "TorchDynamo ", "AOTDispatcher ", "Pregraph ")
_ON_GPU = {"kernel", "gpu_memcpy", "gpu_memset"}
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
    steps = [record for record in complete if _is_step(record) and record.get("cat") == "user_annotation"]
    kernels = _by_origin(complete)
    return [_pass(step, complete, kernels) for step in sorted(steps, key=lambda step: float(step["ts"]))]


@dataclass
class _Node:
    record: Record
    children: list[_Node]

    @property
    def own(self) -> float:
        """Microseconds outside its children."""
        return max(0.0, float(self.record["dur"]) - sum(float(child.record["dur"]) for child in self.children))


def _is_step(record: Record) -> bool:
    return str(record["name"]).startswith(STEP)


def _by_origin(records: Sequence[Record]) -> dict[int, list[Record]]:
    """What ran on a GPU, by the number of the operator that launched it."""
    found: dict[int, list[Record]] = {}
    for record in records:
        # Those that no operator launched have no number, and nor have parts: they must not find each other.
        if record.get("cat") in _ON_GPU and _id(record) >= 0:
            found.setdefault(_id(record), []).append(record)
    return found


def _pass(step: Record, records: Sequence[Record], kernels: Kernels) -> Pass:
    start, end = float(step["ts"]), float(step["ts"]) + float(step["dur"])
    inside = [
        record
        for record in records
        if record["tid"] == step["tid"] and record.get("cat") in _HOST and start <= float(record["ts"]) < end
    ]
    tree = _tree(inside)
    events = list(_device_events(tree, kernels, start) if kernels else _host_events(tree, start))
    spans = [
        Span(*_names(record), (float(record["ts"]) - start) / 1e3, float(record["dur"]) / 1e3)
        for record in inside
        if _is_part(record)
    ]
    if kernels:
        spans = _spans_of_kernels(events)
    return Pass(float(step["dur"]) / 1e3, tuple(_placed(events)), tuple(spans))


def _tree(records: Sequence[Record]) -> _Node:
    """The events of one thread, each inside the one that called it; the first is the step."""
    ordered = sorted(records, key=lambda record: (float(record["ts"]), -float(record["dur"]), not _is_step(record)))
    root = _Node(ordered[0], [])
    open_nodes = [root]
    for record in ordered[1:]:
        while len(open_nodes) > 1 and float(record["ts"]) >= _end(open_nodes[-1].record):
            open_nodes.pop()
        node = _Node(record, [])
        open_nodes[-1].children.append(node)
        open_nodes.append(node)
    return root


@dataclass(frozen=True)
class _Place:
    """A node and what it is part of. What has a kind is taken whole, and nothing below it is visited."""

    node: _Node
    stage: str
    part: str
    kind: str
    compiled: bool

    @property
    def is_whole(self) -> bool:
        return self.kind not in (OTHER, OVERHEAD)

    def event(self, kind: str, start: float, ms: float, drawn: bool = True) -> Event:
        return Event(self.stage, self.part, str(self.node.record["name"]), kind, start, ms, drawn)


def _walk(root: _Node) -> Iterator[_Place]:
    waiting = [(root, "", "", False)]
    while waiting:
        node, stage, part, compiled = waiting.pop()
        name = str(node.record["name"])
        if _is_part(node.record):
            stage, part = _names(node.record)
        compiled = compiled or name.startswith(_COMPILED)
        is_operator = node.record["cat"] == "cpu_op" and not name.startswith((_COMPILED, *_AROUND_COMPILED))
        place = _Place(node, stage, part, kind_of(name) if is_operator else OVERHEAD, compiled)
        yield place
        if not place.is_whole:
            waiting.extend((child, stage, part, compiled) for child in node.children)


def _host_events(root: _Node, start: float) -> Iterator[Event]:
    """Time of the thread that ran the operators: all of it, for what is in no operator is a kind too."""
    for place in _walk(root):
        record = place.node.record
        at = (float(record["ts"]) - start) / 1e3
        if place.is_whole or (place.kind == OTHER and not place.node.children):
            yield place.event(place.kind, at, float(record["dur"]) / 1e3)
        elif place.node.own:
            yield place.event(FUSED if place.compiled else place.kind, at, place.node.own / 1e3, drawn=False)


def _device_events(root: _Node, kernels: Kernels, start: float) -> Iterator[Event]:
    """Time of the kernels that operators launched, and the rest of the pass, in which the device waits."""
    waits = float(root.record["dur"]) / 1e3
    for place in _walk(root):
        launched = _launched(place.node, kernels) if place.is_whole else kernels.get(_id(place.node.record), ())
        for kernel in launched:
            kind = place.kind if place.is_whole else kind_of(str(kernel["name"]))
            ms = float(kernel["dur"]) / 1e3
            waits -= ms
            yield place.event(kind, (float(kernel["ts"]) - start) / 1e3, ms)
    yield Event("", "", str(root.record["name"]), OVERHEAD, 0.0, max(0.0, waits), drawn=False)


def _launched(node: _Node, kernels: Kernels) -> Iterator[Record]:
    """The kernels of an operator and of all that it called."""
    yield from kernels.get(_id(node.record), ())
    for child in node.children:
        yield from _launched(child, kernels)


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


def _is_part(record: Record) -> bool:
    return (
        record["cat"] == "user_annotation"
        and SEPARATOR in record["name"]
        and not _is_step(record)
        and not str(record["name"]).startswith(_COMPILED)
    )


def _names(record: Record) -> tuple[str, str]:
    stage, _, part = str(record["name"]).partition(SEPARATOR)
    return stage, part


def _end(record: Record) -> float:
    return float(record["ts"]) + float(record["dur"])


def _id(record: Record) -> int:
    return int(record.get("args", {}).get("External id", -1))
