"""Selecting mask units as early as can be, so that nothing is computed for those that are dropped.

The encoder is lowered with the selection after the stem, as the definition has it: every mask unit is embedded, and
then some are kept. What a kept unit needs of the stem is its own part of it, so the selection moves up through sums
and layers that see one token at a time, into the patch embedding itself. What it cannot pass stays before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from hiera_compiler.ir import Activate, Add, Dropout, Graph, KeepUnits, Linear, Node, Norm, PatchEmbed, ToUnits
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.masking import AddKept, PatchEmbedKept

TOKEN_WISE = (Norm, Linear, Activate, Dropout)
"""Primitives that make each token of one token."""


class Copy:
    """A trunk written into a builder, with ``early`` selection or without; ``values`` are its nodes as written."""

    def __init__(self, builder: GraphBuilder, graph: Graph, early: bool) -> None:
        self.builder, self.graph = builder, graph
        self.values: dict[str, Value] = {}
        selection = next((node for node in graph if isinstance(node.op, KeepUnits)), None) if early else None
        passed = graph.ancestors(selection) if selection else set()
        maps = set(graph.listed("features"))
        for node in graph:
            if node is selection:
                self.values[node.name] = self._selected(node)
            elif node.name not in passed | maps:
                self._written(node.name)

    def _written(self, name: str) -> Value:
        """The node of this name, written with what it depends on if it was not yet."""
        if name not in self.values:
            node = self.graph[name]
            inputs = [self._written(parent) for parent in node.inputs]
            with self._place(node) as inner:
                self.values[name] = self.builder.add(inner, node.op, *inputs)
        return self.values[name]

    def _selected(self, keep: Node) -> Value:
        units = self.graph[keep.inputs[0]]
        assert isinstance(keep.op, KeepUnits)
        assert isinstance(units.op, ToUnits)
        return self._kept(self.graph[units.inputs[0]], units.op, keep.op)

    def _kept(self, node: Node, units: ToUnits, keep: KeepUnits) -> Value:
        """The kept units of a grid of tokens."""
        if isinstance(node.op, PatchEmbed):
            op = PatchEmbedKept(node.op, units.layout, keep.count)
            image = self._written(node.inputs[0])
            with self._place(node) as name:
                return self.builder.add(name, op, image)
        if isinstance(node.op, TOKEN_WISE):
            x = self._kept(self.graph[node.inputs[0]], units, keep)
            with self._place(node) as name:
                return self.builder.add(name, node.op, x)
        if isinstance(node.op, Add) and len(tables := self.graph.constants.intersection(node.inputs)) == 1:
            (table,) = tables
            (other,) = set(node.inputs) - tables
            if self.graph[table].shape == node.shape:
                return self._sum(node, self._kept(self.graph[other], units, keep), self._units(table, units))
        whole = self._units(node.name, units)
        with self._place(node):
            return self.builder.add("kept_tokens", keep, whole)

    def _sum(self, node: Node, kept: Value, table: Value) -> Value:
        with self._place(node) as name:
            return self.builder.add(name, AddKept(), kept, table)

    def _units(self, name: str, units: ToUnits) -> Value:
        grid = self._written(name)
        with self._place(self.graph[name]):
            return self.builder.add(f"{name}_units", units, grid)

    @contextmanager
    def _place(self, node: Node) -> Iterator[str]:
        """The place of a node: inside, nodes get its origin and its block. Gives its name inside the block."""
        block = self.builder.block(node.block) if node.block else nullcontext()
        with self.builder.origin(*node.origin), block:
            yield node.name.removeprefix(f"{node.block}.")
