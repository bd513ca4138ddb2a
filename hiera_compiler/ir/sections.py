"""A graph cut at the borders of its blocks, with equal pieces known: what holds for one is computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, groupby

from hiera_compiler.ir.node import Node
from hiera_compiler.ir.ops.layers import DropPath


@dataclass(frozen=True)
class Section:
    """Consecutive nodes: one block, or what one place of the spec gave between two blocks.

    ``start`` is the place of the first node in the graph, and ``like`` that of the first section with the same
    primitives, shapes and wiring; drop path rates may differ, for at inference they do nothing.
    ``outside`` names the nodes of earlier sections that this one reads.
    """

    start: int
    nodes: tuple[Node, ...]
    like: int
    outside: tuple[str, ...]


def cut(graph: Mapping[str, Node]) -> tuple[Section, ...]:
    """The sections of a graph's nodes by name, in order."""
    nodes = tuple(graph.values())
    places = dict(zip(graph, range(len(nodes)), strict=True))
    # Equal primitives of one graph are one object: its identity is compared faster than its fields.
    ops = [0 if type(node.op) is DropPath else id(node.op) for node in nodes]
    shapes = [node.shape for node in nodes]
    found = []
    known: dict[tuple[object, ...], int] = {}
    start = 0
    for _, group in groupby(nodes, key=_part):
        part = tuple(group)
        end = start + len(part)
        inputs = [node.inputs for node in part]
        wires = [places[name] - start for name in chain.from_iterable(inputs)]
        outside = sorted({wire + start for wire in wires if wire < 0})
        seen = [shapes[place] for place in outside]
        key = (*ops[start:end], *shapes[start:end], *map(len, inputs), *wires, *seen)
        names = tuple([nodes[place].name for place in outside])
        found.append(Section(start, part, known.setdefault(key, start), names))
        start = end
    return tuple(found)


def _part(node: Node) -> object:
    return node.block or node.origin
