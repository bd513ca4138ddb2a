"""The kernel list of a graph under a software regime.

Kernels are additive by block: a block's kernels depend on its primitives, its shapes and the dtype that enters,
and on nothing else of the graph. Equal blocks are worked out once, within a graph and across graphs; a search may
therefore add up a table of blocks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

from hiera_compiler.estimate.fusion import fuse
from hiera_compiler.estimate.kernel import Kernel, kernel
from hiera_compiler.estimate.programs import BATCH, program_of
from hiera_compiler.estimate.regime import Regime
from hiera_compiler.estimate.tape import Call, Tape
from hiera_compiler.estimate.tensor import DType, Tensor
from hiera_compiler.ir import Add, DropPath, Graph, Node, Op, Shape
from hiera_compiler.lower import ENTRY as PLACEHOLDER

Step = tuple[str, Op, tuple[str, ...], Shape]
"""A node with names relative to its section, and what it reads of others numbered: equal steps make equal kernels."""


@dataclass(frozen=True)
class Entry:
    """A tensor that flows into a section, of this shape for one sample.

    `open`: it is the sum that ends a block, and compiled code makes it here, where it fuses with what reads it.
    """

    shape: Shape
    dtype: DType
    open: bool = False


@dataclass(frozen=True, eq=False)
class Section:
    """A stretch of the graph: the stem, a block, the map of a stage, the head; `name` is that of its part.

    Compared by identity: equal blocks have the same `kernels` object.
    """

    name: str
    kernels: Kernels


@dataclass(frozen=True, eq=False)
class Kernels:
    """The kernels of a section, and the dtypes of what leaves it, by the names of its steps."""

    listed: tuple[Kernel, ...]
    leaving: Mapping[str, DType]


def kernel_list(graph: Graph, regime: Regime) -> list[Section]:
    """The sections of a forward pass for inference, in the order in which they run."""
    stretches = _stretches(graph)
    readers = _readers(stretches)
    returned = {graph.outputs[name] for name in graph.returned}
    entries: dict[str, Entry] = {}
    sections: list[Section] = []
    for members in stretches:
        leaving = [node for node in members if node.name in readers or node.name in returned]
        is_open = members[-1].name not in returned and _is_open(members[-1], readers)
        steps, outside = _steps(members)
        names = tuple(_relative(node) for node in leaving)
        made = _section(regime, steps, tuple(entries[name] for name in outside), names, is_open)
        for node, name in zip(leaving, names, strict=True):
            entries[node.name] = Entry(node.shape, made.leaving[name], is_open and node is members[-1])
        sections.append(Section(members[0].part, made))
    return sections


def _stretches(graph: Graph) -> list[list[Node]]:
    """The nodes that a forward pass runs: those of a block together, and those of a part between blocks."""
    nodes = (node for node in graph if node.name in graph.run)
    return [list(group) for _, group in groupby(nodes, key=lambda node: node.block or node.part)]


def _readers(stretches: Sequence[Sequence[Node]]) -> dict[str, list[Node]]:
    """Of each node that other stretches read, the first nodes of these."""
    readers: dict[str, list[Node]] = defaultdict(list)
    for members in stretches:
        inside = {node.name for node in members}
        for name in {name for node in members for name in node.inputs} - inside:
            readers[name].append(members[0])
    return readers


def _is_open(last: Node, readers: Mapping[str, Sequence[Node]]) -> bool:
    """Whether the sum that ends a block is left to what reads it: one block, or what follows the last one.

    Where several read it, it is made at once, and so it is before the map of a stage, which only copies it.
    """
    if last.block is None or not isinstance(last.op, Add):
        return False
    (reader, *others) = readers[last.name]
    return not others and (reader.block is not None or reader.stage is None)


def part_steps(graph: Graph) -> tuple[Step, ...]:
    """A part lowered by itself without what its costs do not depend on."""
    return _steps(list(graph))[0]


def part_kernels(
    graph: Graph, regime: Regime, dtypes: Sequence[DType], *, enters_open: bool, leaves_open: bool
) -> Kernels:
    """The kernels of a part lowered by itself, as in a model where tensors of these dtypes flow in, none into the stem.

    `enters_open`: they are sums that are made here, but those that parts before keep or hold, which were made there;
    `leaves_open`: the sum that ends the part is made elsewhere.
    """
    wanted = graph.needed_for(*graph.returned)
    placeholders = [node.name for node in graph if node.origin[:1] == (PLACEHOLDER,)]
    steps, outside = _steps([node for node in graph if node.name in wanted.difference(placeholders)])
    leaving = tuple(_relative(graph[graph.outputs[name]]) for name in graph.returned)
    flowing = dict(zip(placeholders, dtypes, strict=True))
    entries = tuple(
        Entry(graph[name].shape, flowing[name], enters_open and graph[name].origin == (PLACEHOLDER,))
        for name in outside
    )
    return _section(regime, steps, entries, leaving, leaves_open)


def _relative(node: Node) -> str:
    return node.name.removeprefix(f"{node.block}.") if node.block else node.name


def _steps(nodes: Sequence[Node]) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The nodes as steps, and the names of what they read from outside in the order of its numbers."""
    names = {node.name: _relative(node) for node in nodes}
    outside = dict.fromkeys(name for node in nodes for name in node.inputs if name not in names)
    names |= {name: _outside(number) for number, name in enumerate(outside)}
    steps = tuple(
        (
            names[node.name],
            DropPath(0.0) if isinstance(node.op, DropPath) else node.op,
            tuple(names[name] for name in node.inputs),
            node.shape,
        )
        for node in nodes
    )
    return steps, tuple(outside)


def _outside(number: int) -> str:
    return f"<{number}>"


@lru_cache(maxsize=4096)
def _section(
    regime: Regime, steps: tuple[Step, ...], entries: tuple[Entry, ...], leaving: tuple[str, ...], leaves_open: bool
) -> Kernels:
    tape = Tape(regime)
    values = {_outside(number): _entered(tape, entry) for number, entry in enumerate(entries)}
    for name, op, inputs, shape in steps:
        tape.node = name
        node = Node(name, op, inputs, shape, (), None)
        values[name] = program_of(op)(tape, node, *(values[parent] for parent in inputs))
    calls = tape.calls
    if regime.compiled:
        kept = {values[name].source for name in leaving}
        if leaves_open:
            kept = {x.source for x in calls[-1].reads}
            calls = calls[:-1]
        listed = fuse(calls, BATCH, kept)
    else:
        listed = [kernel(call, BATCH) for call in calls]
    return Kernels(tuple(_counted(listed)), {name: values[name].dtype for name in leaving})


def _entered(tape: Tape, entry: Entry) -> Tensor:
    """What flows in, with the call that makes it where it is an open sum."""
    x = tape.tensor((BATCH, *entry.shape), entry.dtype)
    if not (entry.open and tape.regime.compiled):
        return x
    branch = tape.tensor(x.shape, "fp16" if tape.regime.autocast else entry.dtype)
    return tape.pointwise("add", x, branch)


def _counted(kernels: Sequence[Kernel]) -> Iterator[Kernel]:
    """Equal kernels of one node once, with their count."""
    counts: dict[Kernel, float] = {}
    for entry in kernels:
        counts[entry] = counts.get(entry, 0.0) + 1.0
    return (replace(entry, count=count) if count > 1 else entry for entry, count in counts.items())


def calls_of(graph: Graph, regime: Regime) -> list[Call]:
    """Every call of a forward pass on one tape, sections or not: what a trace of the emitted module gives."""
    tape = Tape(regime)
    values: dict[str, Tensor] = {}
    for node in graph:
        if node.name in graph.run:
            tape.node = node.name
            values[node.name] = program_of(node.op)(tape, node, *(values[parent] for parent in node.inputs))
    return tape.calls
