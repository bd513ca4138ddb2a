"""The graph: primitives at their places, in topological order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

from hiera_compiler.ir.node import Node
from hiera_compiler.ir.op import Shape
from hiera_compiler.ir.ops.stem import Input
from hiera_compiler.ir.sections import Section, cut

if TYPE_CHECKING:
    import networkx

_RETURNED = (("logits",), ("loss", "prediction", "target"), ("pyramid",), ("features",))
"""What a module's ``forward`` returns: the first group of outputs that its graph has; some are lists, as features.0."""


class Graph:
    """Nodes by name, in the order in which they run, and the names of the outputs."""

    def __init__(self, nodes: Mapping[str, Node], outputs: Mapping[str, str]) -> None:
        self.nodes = dict(nodes)
        self.outputs = dict(outputs)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """The shapes of what the node reads, in order."""
        return tuple([self.nodes[name].shape for name in node.inputs])  # a list: faster than a generator

    def parameters(self) -> dict[str, Shape]:
        """Parameter shapes by their name in the state dict, in the order of the graph."""
        return {name: shape for node in self for name, shape in node.parameters().items()}

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The graph cut at the borders of its blocks, with equal blocks known; made when first asked for."""
        return cut(self.nodes)

    @property
    def parameter_count(self) -> int:
        """The number of learned values."""
        counts: dict[int, int] = {}
        for section in self.sections:
            if section.like not in counts:
                weights = (shape for node in section.nodes for shape in node.op.weights().values())
                counts[section.like] = sum(map(prod, weights))
        return sum(counts[section.like] for section in self.sections)

    @cached_property
    def returned(self) -> tuple[str, ...]:
        """The names of the outputs that a forward pass returns, and so computes; of a part by itself all of them."""
        groups = [tuple(name for name in self.outputs if name.partition(".")[0] in group) for group in _RETURNED]
        return next(filter(None, groups), tuple(self.outputs))

    @cached_property
    def run(self) -> set[str]:
        """The names of the nodes that a forward pass runs: those that what it returns depends on."""
        return self.needed_for(*self.returned)

    @cached_property
    def constants(self) -> set[str]:
        """The names of the nodes that are tables, learned or not, or computed from tables alone."""
        found: set[str] = set()
        for node in self:
            if found.issuperset(node.inputs) if node.inputs else not isinstance(node.op, Input):
                found.add(node.name)
        return found

    def listed(self, output: str) -> list[str]:
        """The names of the nodes of an output that is a list, as ``features``: ``features.0``, ``features.1``, ..."""
        return [name for key, name in self.outputs.items() if key.startswith(f"{output}.")]

    def needed_for(self, *outputs: str) -> set[str]:
        """The names of the nodes that the named outputs depend on, themselves included."""
        return self._reached([self.outputs[name] for name in outputs])

    def ancestors(self, node: Node) -> set[str]:
        """The names of the nodes that a node depends on, itself left out."""
        return self._reached(list(node.inputs))

    def _reached(self, waiting: list[str]) -> set[str]:
        needed: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting.extend(self.nodes[name].inputs)
        return needed

    @cached_property
    def networkx(self) -> networkx.DiGraph[str]:
        """The same graph for networkx's algorithms; each node carries its ``Node`` as ``node``.

        Made when first asked for: importing networkx takes as long as checking a spec.
        """
        from networkx import DiGraph

        graph: DiGraph[str] = DiGraph()
        for node in self:
            graph.add_node(node.name, node=node)
            for position, name in enumerate(node.inputs):
                graph.add_edge(name, node.name, position=position)
        return graph
