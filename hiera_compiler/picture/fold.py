"""A graph folded by stage: panels of blocks, and in each block its residual branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod

from hiera_compiler.estimate import StageCost, cost
from hiera_compiler.ir import Add, Graph, JoinTokens, Node, Shape, Sinusoid, Table, ToGrid
from hiera_compiler.ir.blocks import BlockInstance, Step, share_blocks
from hiera_compiler.ir.masking import MaskedTokens, UnitConv
from hiera_compiler.picture.boxes import boxes, needed
from hiera_compiler.picture.labels import Part, by, is_drawn, part
from hiera_compiler.picture.repeats import Repeat, repeated


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
    """The stem, a stage or the head: its rows, which of them repeat together, what leaves it, and its cost.

    Where a head follows, the maps of a neck go elsewhere: ``outputs`` then is what passes the neck by.
    """

    name: str
    rows: tuple[Row, ...]
    outputs: tuple[Shape, ...]
    cost: StageCost
    repeats: tuple[Repeat, ...] = ()


def fold(graph: Graph) -> list[Panel]:
    """The panels of a graph, in the order in which they run."""
    blocks = share_blocks(graph)
    panels: list[Panel] = []
    for row in cost(graph).stages:
        nodes = [node for node in graph if node.part == row.name]
        stage = nodes[0].stage
        if stage is None:
            rows = tuple(_chains_and_blocks(graph, nodes, blocks))
        else:
            rows = tuple(_rows([block for block in blocks if block.stage == stage]))
        rows, repeats = repeated(rows)
        if row.name != "neck":
            outputs: tuple[Shape, ...] = (_output(nodes),)
        elif "logits" in graph.outputs:
            outputs = panels[-1].outputs
        else:
            outputs = tuple(graph[graph.outputs[name]].shape for name in graph.returned)
        panels.append(Panel(row.name, rows, outputs, row, repeats))
    return panels


def input_shape(graph: Graph) -> Shape:
    """The shape of the image or clip."""
    return next(iter(graph)).shape


def _output(nodes: Sequence[Node]) -> Shape:
    """The last shape, as a grid of tokens where one is made of it."""
    last = nodes[-1].shape
    grids = [node.shape for node in nodes if isinstance(node.op, ToGrid) and node.block is None]
    grids += [node.op.layout.grid + node.shape[-1:] for node in nodes if hasattr(node.op, "layout")]
    tokens = last[1:] if len(last) == 3 and last[0] == 1 else last
    return next((grid for grid in grids if prod(grid) == prod(last)), tokens)


def _chains_and_blocks(graph: Graph, nodes: Sequence[Node], blocks: Sequence[BlockInstance]) -> Iterator[Row]:
    """What is in no stage: blocks, and outside them chains; a neck has one for each level, fusion one for each map."""
    maps_first = sorted(nodes, key=lambda node: not isinstance(node.op, UnitConv))
    for (in_blocks, _), group in groupby(maps_first, key=lambda node: (node.block is not None, _chain(node))):
        members = list(group)
        names = {node.block for node in members}
        if in_blocks:
            yield from _rows([block for block in blocks if block.name in names])
        else:
            yield Row(1, (_sequence(members, _source(graph, members)),))


def _source(graph: Graph, chain: Sequence[Node]) -> tuple[Part, ...]:
    """The map of a stage that a chain of a neck or of fusion starts from; nothing elsewhere."""
    part = chain[0].part
    if part not in ("neck", "fusion"):
        return ()
    read = next(graph[name] for node in chain for name in node.inputs if graph[name].part != part)
    return (Part(read.part, by(read.shape[:-1]), "order"),)


def _chain(node: Node) -> object:
    """What tells chains of one part of a model apart: the level of a neck, the map that fusion brings to the last."""
    return node.origin[1:] if node.part == "neck" else node.name if isinstance(node.op, UnitConv) else None


def _sequence(nodes: Sequence[Node], source: tuple[Part, ...]) -> Branch:
    """Stem and head are chains, but for the tables that are added: their boxes say so, and the sums are left out."""
    tables = {node.name for node in nodes if isinstance(node.op, Table | Sinusoid)}
    for node in nodes:
        if node.inputs and tables.issuperset(node.inputs):
            tables.add(node.name)
    steps = [Step(node.name, node.op, node.inputs) for node in nodes]
    masked = any(isinstance(step.op, MaskedTokens) for step in steps)
    joined = {name for step in steps if isinstance(step.op, JoinTokens) for name in step.inputs}
    token = set() if masked else needed(joined & tables, steps)  # a class token, which its box says
    joins = MaskedTokens if masked else JoinTokens
    chain = [
        step
        for step in steps
        if step.name not in token and (isinstance(step.op, joins) or not tables & set(step.inputs))
    ]
    return Branch((), (*source, *(part(step.op) for step in chain if is_drawn(step.op))), (), adds=False)


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
        yield Branch((), boxes(steps[start:]), (), adds=False)


def _branch(steps: Sequence[Step], sum_: Step) -> Branch:
    left, right = (needed([name], steps) for name in sum_.inputs)
    shared = left & right
    skip, body = sorted((left - shared, right - shared), key=len)
    return Branch(
        first=boxes([step for step in steps if step.name in shared]),
        body=boxes([step for step in steps if step.name in body]),
        skip=boxes([step for step in steps if step.name in skip]),
        adds=True,
    )
