"""The calls of a traced pass, each inside the one that made it, with their kernels.

Records are events of a trace in Chrome's format; their times are in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hiera_compiler.profile.opkind import OTHER, OVERHEAD, kind_of
from hiera_compiler.profile.spans import SEPARATOR

Record = Mapping[str, Any]
Kernels = Mapping[int, Sequence[Record]]
"""What ran on a GPU, by the number of the operator that launched it."""

STEP = "ProfilerStep#"

_COMPILED = "## Call CompiledFxGraph"
_AROUND_COMPILED = ("Torch-Compiled Region", "CompiledFunction", "TorchDynamo ", "AOTDispatcher ", "Pregraph ")
_ON_GPU = {"kernel", "gpu_memcpy", "gpu_memset"}


@dataclass
class Node:
    """A call, and those that it made."""

    record: Record
    children: list[Node]

    @property
    def own(self) -> float:
        """Microseconds outside its children."""
        return max(0.0, float(self.record["dur"]) - sum(float(child.record["dur"]) for child in self.children))


@dataclass(frozen=True)
class Place:
    """A node and what it is part of. What has a kind is taken whole, and nothing below it is visited."""

    node: Node
    stage: str
    part: str
    kind: str
    compiled: bool

    @property
    def is_whole(self) -> bool:
        return self.kind not in (OTHER, OVERHEAD)


def call_tree(records: Sequence[Record]) -> Node:
    """The root of the calls of one thread in one step: the step."""
    ordered = sorted(records, key=lambda record: (float(record["ts"]), -float(record["dur"]), not is_step(record)))
    root = Node(ordered[0], [])
    open_nodes = [root]
    for record in ordered[1:]:
        while len(open_nodes) > 1 and float(record["ts"]) >= _end(open_nodes[-1].record):
            open_nodes.pop()
        node = Node(record, [])
        open_nodes[-1].children.append(node)
        open_nodes.append(node)
    return root


def walk(root: Node) -> Iterator[Place]:
    """The places of a tree, those above what is taken whole too."""
    waiting = [(root, "", "", False)]
    while waiting:
        node, stage, part, compiled = waiting.pop()
        name = str(node.record["name"])
        if is_part(node.record):
            stage, part = stage_and_part(node.record)
        compiled = compiled or name.startswith(_COMPILED)
        is_operator = node.record["cat"] == "cpu_op" and not name.startswith((_COMPILED, *_AROUND_COMPILED))
        place = Place(node, stage, part, kind_of(name) if is_operator else OVERHEAD, compiled)
        yield place
        if not place.is_whole:
            waiting.extend((child, stage, part, compiled) for child in node.children)


def kernels_by_origin(records: Iterable[Record]) -> Kernels:
    """What ran on a GPU, by the number of the operator that launched it; empty where nothing did."""
    found: dict[int, list[Record]] = {}
    for record in records:
        # Those that no operator launched have no number, and nor have parts: they must not find each other.
        if record.get("cat") in _ON_GPU and _id(record) >= 0:
            found.setdefault(_id(record), []).append(record)
    return found


def launched(node: Node, kernels: Kernels, *, whole: bool) -> Iterator[Record]:
    """The kernels of a call, and of a ``whole`` one those of all that it called."""
    yield from kernels.get(_id(node.record), ())
    if whole:
        for child in node.children:
            yield from launched(child, kernels, whole=True)


def is_step(record: Record) -> bool:
    """Whether it is a step of the profiler: one pass of the model."""
    return str(record["name"]).startswith(STEP)


def is_part(record: Record) -> bool:
    """Whether it is the span of a part of the model."""
    return (
        record["cat"] == "user_annotation"
        and SEPARATOR in record["name"]
        and not is_step(record)
        and not str(record["name"]).startswith(_COMPILED)
    )


def stage_and_part(record: Record) -> tuple[str, str]:
    """What the span of a part says that it is."""
    stage, _, part = str(record["name"]).partition(SEPARATOR)
    return stage, part


def _end(record: Record) -> float:
    return float(record["ts"]) + float(record["dur"])


def _id(record: Record) -> int:
    return int(record.get("args", {}).get("External id", -1))
