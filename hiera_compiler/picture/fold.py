"""A graph folded by stage: panels of blocks, and in each block its residual branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import prod

from hiera_compiler.estimate import StageCost, cost
from hiera_compiler.ir import Add, Attend, Graph, Node, Shape, Sinusoid, Table, ToGrid, ToUnits
from hiera_compiler.ir.blocks import BlockInstance, Step, share_blocks
from hiera_compiler.ir.masking import PlaceUnits
from hiera_compiler.picture.labels import Part, is_drawn, part


@dataclass(frozen=True)
class Branch:
    """``skip(x) + body(x)`` where ``adds``, else ``body(x)``; ``first`` comes before the two part."""

    first: tuple[Part, ...]
    body: tuple[Part, ...]
    skip: tuple[Part, ...]
    adds: bool


@dataclass(frozen=True)
class Row:
    """So many equal blocks, one after another."""

    count: int
    branches: tuple[Branch, ...]


@dataclass(frozen=True)
class Panel:
    """The stem, a stage or the head: its rows, the shape of what leaves it, and its cost."""

    name: str
    rows: tuple[Row, ...]
    output: Shape
    cost: StageCost


def fold(graph: Graph) -> list[Panel]:
    """The panels of a graph, in the order in which they run."""
    blocks = share_blocks(graph)
    panels = []
    for row in cost(graph).stages:
        nodes = [node for node in graph if node.part == row.name]
        stage = nodes[0].stage
        if stage is None:
            rows = tuple(_chains_and_blocks(nodes, blocks))
        else:
            rows = tuple(_rows([block for block in blocks if block.stage == stage]))
        panels.append(Panel(row.name, rows, _output(nodes), row))
    return panels


def input_shape(graph: Graph) -> Shape:
    """The shape of the image or clip."""
    return next(iter(graph)).shape


def _output(nodes: Sequence[Node]) -> Shape:
    """The last shape, as a grid of tokens where one is made of it."""
    last = nodes[-1].shape
    grids = [node.shape for node in nodes if isinstance(node.op, ToGrid) and node.block is None]
    grids += [node.op.layout.grid + node.shape[-1:] for node in nodes if hasattr(node.op, "layout")]
    return next((grid for grid in grids if prod(grid) == prod(last)), last)


def _chains_and_blocks(nodes: Sequence[Node], blocks: Sequence[BlockInstance]) -> Iterator[Row]:
    """Stem, neck, head and decoder: what is outside blocks as chains, one for each level of a neck, and the blocks."""
    for (in_blocks, _), group in groupby(nodes, key=lambda node: (node.block is not None, _level(node))):
        members = list(group)
        names = {node.block for node in members}
        if in_blocks:
            yield from _rows([block for block in blocks if block.name in names])
        else:
            yield Row(1, (_sequence(members),))


def _level(node: Node) -> object:
    """The level of a neck that a node belongs to; none elsewhere."""
    return node.origin[1:] if node.part == "neck" else None


def _sequence(nodes: Sequence[Node]) -> Branch:
    """Stem and head are chains, but for the tables that are added: their boxes say so, and the sums are left out."""
    tables = {node.name for node in nodes if isinstance(node.op, Table | Sinusoid)}
    for node in nodes:
        if node.inputs and tables.issuperset(node.inputs):
            tables.add(node.name)
    chain = [node for node in nodes if isinstance(node.op, PlaceUnits) or not tables.intersection(node.inputs)]
    return Branch((), tuple(part(node.op) for node in chain if is_drawn(node.op)), (), adds=False)


def _rows(blocks: Sequence[BlockInstance]) -> Iterator[Row]:
    for block_class, same in groupby(blocks, key=lambda block: block.block_class):
        yield Row(len(list(same)), tuple(_branches(block_class.steps)))


def _branches(steps: Sequence[Step]) -> Iterator[Branch]:
    """A block, cut where everything later depends on one sum alone: there its residual branches end."""
    start = 0
    for end, step in enumerate(steps):
        before = {"x", *(earlier.name for earlier in steps[:end])}
        reads_past = any(before & set(later.inputs) for later in steps[end + 1 :])
        if isinstance(step.op, Add) and not reads_past:
            yield _branch(steps[start:end], step)
            start = end + 1
    if start < len(steps):
        yield Branch((), _parts(steps[start:]), (), adds=False)


def _branch(steps: Sequence[Step], sum_: Step) -> Branch:
    left, right = (_needed(name, steps) for name in sum_.inputs)
    shared = left & right
    skip, body = sorted((left - shared, right - shared), key=len)
    return Branch(
        first=_parts([step for step in steps if step.name in shared]),
        body=_parts([step for step in steps if step.name in body]),
        skip=_parts([step for step in steps if step.name in skip]),
        adds=True,
    )


def _needed(name: str, steps: Sequence[Step]) -> set[str]:
    """The steps that a value depends on, its own included."""
    needed = {name}
    for step in reversed(steps):
        if step.name in needed:
            needed.update(step.inputs)
    return needed & {step.name for step in steps}


def _parts(steps: Sequence[Step]) -> tuple[Part, ...]:
    return tuple(_part(step, steps) for step in steps if is_drawn(step.op))


def _part(step: Step, steps: Sequence[Step]) -> Part:
    """The box of a step; one that makes queries only, as pooling does in Hiera, says so."""
    drawn = part(step.op)
    if any(isinstance(other.op, ToUnits) for other in steps):
        drawn = replace(drawn, word=drawn.word.replace("mask unit", "window"))
    readers = [reader for reader in steps if step.name in reader.inputs]
    only_queries = readers and all(
        isinstance(reader.op, Attend) and step.name not in reader.inputs[1:] for reader in readers
    )
    return replace(drawn, detail=f"queries {drawn.detail}".rstrip()) if only_queries else drawn
