"""What a node costs, and the sum over nodes."""

from __future__ import annotations

from collections.abc import Set
from math import prod
from typing import NamedTuple

from hiera_compiler.ir import Graph, Node, Table, ToGrid
from hiera_compiler.ir.op import View


class Counts(NamedTuple):
    """Counts that add up over nodes, for one sample.

    ``macs`` are multiply-accumulates as the papers count them (fvcore), ``flops`` those of torch's
    FlopCounterMode, ``acts`` the elements that matrix products and convolutions write (fvcore). ``moved`` and
    ``moved_once`` are elements read and written where every primitive runs by itself: for each sample, and
    once for each batch (the weights, and what is computed from weights alone).
    """

    params: int = 0
    macs: int = 0
    flops: int = 0
    acts: int = 0
    moved: int = 0
    moved_once: int = 0

    def plus(self, other: Counts, times: int = 1) -> Counts:
        """The sum with the other counts, so many times."""
        if other is NOTHING:
            return self
        a, b, c, d, e, f = other
        return Counts(
            self.params + times * a,
            self.macs + times * b,
            self.flops + times * c,
            self.acts + times * d,
            self.moved + times * e,
            self.moved_once + times * f,
        )

    def bytes_moved(self, batch: int, element_bytes: int) -> int:
        """Bytes that one batch reads and writes at a width of so many bytes an element."""
        return (batch * self.moved + self.moved_once) * element_bytes


NOTHING = Counts()


def node_params(node: Node) -> int:
    """The learned values of a node."""
    return sum(map(prod, node.op.weights().values()))


def node_counts(graph: Graph, node: Node, constants: Set[str] = frozenset()) -> Counts:
    """The counts of one node; ``constants`` names the nodes that do not depend on the input."""
    op, shape, known = node.op, node.shape, graph.nodes
    if isinstance(op, View):
        # A table's weights are read by what adds it.
        return Counts(params=node_params(node)) if isinstance(op, Table) else NOTHING
    inputs = tuple([known[name].shape for name in node.inputs])
    products, moved, weights = op.macs(inputs, shape), op.moved(inputs, shape), op.weights()
    params = sum(map(prod, weights.values())) if weights else 0
    once = params
    if moved and not constants.isdisjoint(node.inputs):
        if node.name in constants:
            moved, once = 0, once + moved
        else:
            read = sum(prod(known[name].shape) for name in node.inputs if name in constants)
            moved, once = moved - read, once + read
    return Counts(params, products + op.norm_macs(shape), 2 * products, op.acts(inputs, shape), moved, once)


def constant_nodes(graph: Graph) -> set[str]:
    """The names of the nodes outside blocks that are tables, or computed from tables alone."""
    found: set[str] = set()
    for section in graph.sections:
        if section.nodes[0].block is None:
            for node in section.nodes:
                if isinstance(node.op, Table) or (node.inputs and found.issuperset(node.inputs)):
                    found.add(node.name)
    return found


def unused_nodes(graph: Graph) -> set[str]:
    """The names of the nodes that a forward pass leaves out: the maps of the stages, where there are logits."""
    if "logits" not in graph.outputs:
        return set()
    maps = {node for name, node in graph.outputs.items() if name.startswith("features.")}
    return {name for name in maps if isinstance(graph.nodes[name].op, ToGrid)}
