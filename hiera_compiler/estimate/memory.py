"""The most memory that activations take at one time in a forward pass at inference.

Counted are the input batch, the output of every primitive, and what it holds while it runs: the attention
matrix of all heads before and after the softmax, since it is materialised here. Not counted are the weights,
the allocator's rounding, and what libraries take for themselves.

``free`` says when a value's memory is free again. ``early``: when its last reader has run, as in compiled
code. ``late``: when the block that made it returns, and what was made outside blocks, like each stage's end,
not before the trunk returns; so it is where the emitted module runs eagerly, for its variables hold on to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Literal

from hiera_compiler.estimate.counts import constant_nodes, unused_nodes
from hiera_compiler.ir import Graph, Input, Node
from hiera_compiler.ir.op import View
from hiera_compiler.ir.sections import Section

Free = Literal["early", "late"]


def peak_activation_bytes(graph: Graph, batch: int, element_bytes: int, free: Free = "early") -> int:
    """Bytes at the peak of a forward pass of one batch, with so many bytes an element, without the weights."""
    return _Pass(graph, batch, free == "late").peak() * element_bytes


class _Pass:
    """A forward pass. A value is known by its owner: the node whose memory it is, or is a view of."""

    def __init__(self, graph: Graph, batch: int, late: bool) -> None:
        self.graph, self.batch, self.late = graph, batch, late
        self.sizes: dict[str, int] = {}
        self.constants, self.unused = constant_nodes(graph), unused_nodes(graph)
        self.run = [section for section in graph.sections if section.nodes[0].name not in self.unused]
        self.last = {self.owner(name): place for place, section in enumerate(self.run) for name in section.outside}
        self.last |= dict.fromkeys(map(self.owner, self.kept()), len(self.run))

    def kept(self) -> Set[str]:
        """The values that outlive the pass: the input, which is the caller's, and the outputs."""
        graph = self.graph
        names = {node.name for node in self.run[0].nodes if isinstance(node.op, Input)}
        names |= {name for key, name in graph.outputs.items() if key != "tokens" and name not in self.unused}
        if self.late:
            names |= {graph.nodes[name].inputs[0] for key, name in graph.outputs.items() if key.startswith("features.")}
            names |= {name for name in self.last if graph.nodes[name].block is None}
        return names

    def owner(self, name: str) -> str:
        node = self.graph.nodes[name]
        while node.inputs and self.written(node) == 0:
            node = self.graph.nodes[node.inputs[0]]
        return node.name

    def written(self, node: Node) -> int:
        """Elements that the node allocates for the batch."""
        if isinstance(node.op, View) and node.inputs:
            return 0
        elements = self.sizes.get(node.name)
        if elements is None:
            elements = node.op.writes(self.graph.input_shapes(node), node.shape)
            elements *= 1 if node.name in self.constants else self.batch
            self.sizes[node.name] = elements
        return elements

    def peak(self) -> int:
        """Elements at the peak. Sections that are alike, and let the same values go, are followed once."""
        rises: dict[tuple[object, ...], int] = {}
        alive = highest = 0
        for place, section in enumerate(self.run):
            if self.late and section.nodes[0].block is None:
                staying = list(range(len(section.nodes)))
            else:
                staying = [index for index, node in enumerate(section.nodes) if node.name in self.last]
            owners = dict.fromkeys(map(self.owner, section.outside))
            dying = {name: self.written(self.graph.nodes[name]) for name in owners if self.last[name] == place}
            key = (section.like, *staying, *dying.values())
            if key not in rises:
                rises[key] = self.rise(section, dying, {section.nodes[index].name for index in staying})
            highest = max(highest, alive + rises[key])
            alive += sum(self.written(section.nodes[index]) for index in staying) - sum(dying.values())
        return highest

    def rise(self, section: Section, dying: Mapping[str, int], staying: Set[str]) -> int:
        """By how many elements memory rises at most within a section, above what is alive at its start."""
        owners = {name: self.owner(name) for name in section.outside}
        last: dict[str, Node] = {}
        for node in section.nodes:
            owners[node.name] = node.name if self.written(node) or not node.inputs else owners[node.inputs[0]]
            last |= {owners[name]: node for name in (*node.inputs, node.name)}
        alive = highest = 0
        sizes = {} if self.late else dict(dying)
        for node in section.nodes:
            new = self.written(node)
            if new == 0:
                scratch = 0
            else:
                scratch = node.op.scratch(self.graph.input_shapes(node), node.shape) * self.batch
            highest = max(highest, alive + new + scratch)
            alive += new
            if not self.late and node.name not in staying:
                sizes[node.name] = new
            for name in {owners[name] for name in (*node.inputs, node.name)}:
                if last[name] is node:
                    alive -= sizes.pop(name, 0)
        return highest
