"""What a node costs, and the sum over nodes."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import lru_cache
from math import prod
from types import MappingProxyType
from typing import NamedTuple, Protocol

from hiera_compiler.ir import Graph, Node, Op, Shape, Table
from hiera_compiler.ir.op import View

ELEMENT_BYTES: Mapping[str, int] = MappingProxyType({"float32": 4, "float16": 2, "bfloat16": 2})
"""The number formats of weights and activations, and the bytes that one element takes."""


class Moving(Protocol):
    """Whatever counts the elements that it moves."""

    @property
    def moved(self) -> int:
        """Elements read and written for each sample."""

    @property
    def moved_once(self) -> int:
        """Elements read and written once for each batch."""


def bytes_moved(counts: Moving, batch: int, element_bytes: int) -> int:
    """Bytes that one batch reads and writes, every primitive by itself, with so many bytes an element."""
    return (batch * counts.moved + counts.moved_once) * element_bytes


class Counts(NamedTuple):
    """Counts that add up over nodes, for one sample.

    ``macs`` are multiply-accumulates as the papers count them (fvcore), ``flops`` those of torch's
    FlopCounterMode, ``acts`` the elements that matrix products and convolutions write (fvcore). ``moved`` and
    ``moved_once`` are elements read and written where every primitive is one kernel, attention too: for each
    sample, and once for each batch (the weights, and what is computed from weights alone).
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


NOTHING = Counts()


def node_params(node: Node) -> int:
    """The learned values of a node."""
    return sum(map(prod, node.op.weights().values()))


def node_counts(graph: Graph, node: Node, constants: Set[str] = frozenset(), unused: Set[str] = frozenset()) -> Counts:
    """The counts of one node; ``constants`` names the nodes that do not depend on the input.

    Of ``unused`` nodes, which a forward pass leaves out, only the weights count.
    """
    op, shape, known = node.op, node.shape, graph.nodes
    if node.name in unused:
        return Counts(params=node_params(node))
    if isinstance(op, View):
        # A table's weights are read by what adds it.
        return Counts(params=node_params(node)) if isinstance(op, Table) else NOTHING
    inputs = tuple([known[name].shape for name in node.inputs])
    counts = _op_counts(op, inputs, shape)
    moved = counts.moved
    if node.name not in constants:
        if constants.isdisjoint(node.inputs):
            return counts
        moved = sum(prod(known[name].shape) for name in node.inputs if name in constants)
    return counts._replace(moved=counts.moved - moved, moved_once=counts.moved_once + moved)


@lru_cache(maxsize=16384)
def _op_counts(op: Op, inputs: tuple[Shape, ...], shape: Shape) -> Counts:
    """The counts of a primitive, worked out once for all graphs: a search meets the same ones again and again."""
    products, params = op.macs(inputs, shape), sum(map(prod, op.weights().values()))
    macs = products + op.norm_macs(shape)
    return Counts(params, macs, 2 * products, op.acts(inputs, shape), op.moved(inputs, shape), params)


def unused_nodes(graph: Graph) -> set[str]:
    """The names of the nodes that a forward pass leaves out.

    Those are the maps of the stages and the neck of a classifier, and maps that a neck does not read.
    """
    maps = [name for name in graph.outputs if name.startswith(("features.", "pyramid.")) and name not in graph.returned]
    return graph.needed_for(*maps) - graph.run if maps else set()
