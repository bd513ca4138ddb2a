"""The kernel list of a graph under a software regime.

Kernels are additive by block: a block's kernels depend on its primitives, its shapes and the dtype that enters,
and on nothing else of the graph. Equal blocks are worked out once, within a graph and across graphs; a search may
therefore add up a table of blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

from hiera_compiler.estimate.fusion import fuse
from hiera_compiler.estimate.kernel import Kernel, kernel
from hiera_compiler.estimate.programs import BATCH, program_of
from hiera_compiler.estimate.regime import Regime
from hiera_compiler.estimate.tape import Call, Tape
from hiera_compiler.estimate.tensor import DType, Tensor
from hiera_compiler.ir import DropPath, Graph, Node, Op, Shape
from hiera_compiler.lower import ENTRY as PLACEHOLDER
from hiera_compiler.lower import EXIT

Step = tuple[str, Op, tuple[str, ...], Shape]
"""A node with names relative to its section: equal steps make equal kernels."""
ENTRY = "x"


@dataclass(frozen=True, eq=False)
class Section:
    """A stretch of the graph between two residual streams: the stem, a block or the head; `name` is its stage's.

    Compared by identity: equal blocks have the same `kernels` object.
    """

    name: str
    kernels: Kernels


@dataclass(frozen=True, eq=False)
class Kernels:
    """The kernels of a section, and the tensor that leaves it."""

    listed: tuple[Kernel, ...]
    shape: Shape
    dtype: DType


def kernel_list(graph: Graph, regime: Regime) -> list[Section]:
    """The sections of a forward pass for inference, in the order in which they run."""
    wanted = graph.needed_for("logits" if "logits" in graph.outputs else "tokens")
    sections: list[Section] = []
    nodes = [node for node in graph if node.name in wanted]
    for _, group in groupby(nodes, key=lambda node: (node.block, node.origin[0] == "head")):
        members = list(group)
        entry = (sections[-1].kernels.shape, sections[-1].kernels.dtype) if sections else None
        last = members[-1] is nodes[-1]
        fused_exit = bool(sections) and not last
        made = _section(regime, _steps(members), entry, fused_entry=len(sections) > 1, fused_exit=fused_exit)
        sections.append(Section(stage_name(members[0]), made))
    return sections


def part_steps(graph: Graph) -> tuple[Step, ...]:
    """A part lowered by itself without what its costs do not depend on."""
    return _steps(list(graph))


def part_kernels(graph: Graph, regime: Regime, dtype: DType | None, *, follows_stem: bool, ends: bool) -> Kernels:
    """The kernels of a part lowered by itself, as in a model where a tensor of that dtype flows in, none into the stem.

    `follows_stem`: it is the first block of all; `ends`: nothing that is run comes after it.
    """
    wanted = graph.needed_for(EXIT)
    steps = _steps([node for node in graph if node.name in wanted and node.name != PLACEHOLDER])
    if dtype is None:
        return _section(regime, steps, None, fused_entry=False, fused_exit=False)
    return _section(regime, steps, (graph[PLACEHOLDER].shape, dtype), not follows_stem, not ends)


def stage_name(node: Node) -> str:
    """The name of a node's stage as the cost table has it: ``stem``, ``stage 1``, ... or ``head``."""
    if node.stage is not None:
        return f"stage {node.stage + 1}"
    return "head" if node.origin[0] == "head" else "stem"


def _steps(nodes: Sequence[Node]) -> tuple[Step, ...]:
    prefix = f"{nodes[0].block}." if nodes[0].block else ""
    inside = {node.name for node in nodes}

    def relative(name: str) -> str:
        return name[len(prefix) :] if name in inside else ENTRY

    return tuple(
        (
            relative(node.name),
            DropPath(0.0) if isinstance(node.op, DropPath) else node.op,
            tuple(relative(name) for name in node.inputs),
            node.shape,
        )
        for node in nodes
    )


@lru_cache(maxsize=4096)
def _section(
    regime: Regime, steps: tuple[Step, ...], entry: tuple[Shape, DType] | None, fused_entry: bool, fused_exit: bool
) -> Kernels:
    tape = Tape(regime)
    values: dict[str, Tensor] = {}
    branch: Tensor | None = None
    if entry is not None:
        shape, dtype = (BATCH, *entry[0]), entry[1]
        values[ENTRY] = tape.tensor(shape, dtype)
        if regime.compiled and fused_entry:
            # The compiler fuses the addition that ends a block with what begins the next: it is counted there.
            branch = tape.tensor(shape, "fp16" if regime.autocast else dtype)
            values[ENTRY] = tape.pointwise("add", values[ENTRY], branch)
    for name, op, inputs, shape in steps:
        tape.node = name
        node = Node(name, op, inputs, shape, (), None)
        values[name] = program_of(op)(tape, node, *(values[parent] for parent in inputs))
    out = values[steps[-1][0]]
    calls = tape.calls
    if regime.compiled:
        kept = {out.source}
        if fused_exit:
            kept = {x.source for x in calls[-1].reads}
            calls = calls[:-1]
        listed = fuse(calls, BATCH, kept)
    else:
        listed = [kernel(call, BATCH) for call in calls]
    return Kernels(tuple(_counted(listed)), out.shape[1:], out.dtype)


def _counted(kernels: Sequence[Kernel]) -> Iterator[Kernel]:
    """Equal kernels of one node once, with their count."""
    counts: dict[Kernel, float] = {}
    for entry in kernels:
        counts[entry] = counts.get(entry, 0.0) + 1.0
    return (replace(entry, count=count) if count > 1 else entry for entry, count in counts.items())


def calls_of(graph: Graph, regime: Regime) -> list[Call]:
    """Every call of a forward pass on one tape, sections or not: what a trace of the emitted module gives."""
    wanted = graph.needed_for("logits" if "logits" in graph.outputs else "tokens")
    tape = Tape(regime)
    values: dict[str, Tensor] = {}
    for node in graph:
        if node.name in wanted:
            tape.node = node.name
            values[node.name] = program_of(node.op)(tape, node, *(values[parent] for parent in node.inputs))
    return tape.calls
