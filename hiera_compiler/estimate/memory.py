"""The most memory that activations take at one time in a forward pass at inference.

Counted are the input batch, the output of every primitive, and the copies that a pooling holds while its kernel slides.
Not counted are the weights and copies of them, the allocator's rounding, and what libraries take for themselves.
Attention is one fused kernel, as it is in the emitted module but for bfloat16 on some CPUs, and where it has a bias;
then, or with ``materialised``, it is two products, which hold the attention matrix of all heads before and after the
softmax.

``free`` says when a value's memory is free again. ``early``: when its last reader has run, as in compiled
code. ``late``: when the block that made it returns, and what was made outside blocks, like each stage's end,
not before the trunk returns, or the method of an autoencoder; so it is where the emitted module runs eagerly, for its
variables hold on to it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from hiera_compiler.estimate.counts import unused_nodes
from hiera_compiler.ir import Graph, Input, Node
from hiera_compiler.ir.op import View
from hiera_compiler.ir.sections import Section
from hiera_compiler.lower import ENTRY, EXIT, HELD, KEPT

if TYPE_CHECKING:
    from numpy.typing import NDArray

Free = Literal["early", "late"]
Amount = TypeVar("Amount", int, "NDArray[Any]")
"""A number, or an array with one for each of many models."""


def peak_activation_bytes(
    graph: Graph, batch: int, element_bytes: int, free: Free = "early", materialised: bool = False
) -> int:
    """Bytes at the peak of a forward pass of one batch, with so many bytes an element, without the weights."""
    return _Pass(graph, batch, free == "late", materialised).follow()[0] * element_bytes


def inference_bytes(params: Amount, peak_elements: Amount, element_bytes: int) -> Amount:
    """Bytes of the weights and of the activations at their peak, in one number format."""
    total: Amount = (params + peak_elements) * element_bytes
    return total


class PartMemory(NamedTuple):
    """Elements that the activations of a part of a model take, above those that parts before keep.

    `peak` at most, what flows in included, and `kept` beyond the part: the input, and the maps where they are outputs;
    less what was kept until here and is let go. So the peak of a model is the largest, over its parts, of a part's peak
    and all that was kept before it.
    """

    peak: int
    kept: int


def part_memory(graph: Graph, batch: int) -> PartMemory:
    """The memory of a part that was lowered by itself, freed after the last reader; what flows in is let go."""
    run = _Pass(graph, batch, late=False, materialised=False)
    peak, alive = run.follow()
    before = sum(run.sizes[node.name] for node in graph if node.origin == (ENTRY, KEPT))
    return PartMemory(peak - before, alive - run.sizes[run.owner(graph.outputs[EXIT])] - before)


class _Sizes(dict[str, int]):
    """Elements that each node allocates for a batch, worked out when first asked for; none for what is held already."""

    def __init__(self, graph: Graph, batch: int) -> None:
        super().__init__()
        self.graph, self.batch, self.constants = graph, batch, graph.constants

    def __missing__(self, name: str) -> int:
        node = self.graph.nodes[name]
        elements = 0
        if HELD not in node.origin and (not isinstance(node.op, View) or not node.inputs):
            elements = node.op.writes(self.graph.input_shapes(node), node.shape)
            elements *= 1 if name in self.constants else self.batch
        self[name] = elements
        return elements


def _follows_trunk(section: Section) -> bool:
    """Whether the emitted module runs a section once its trunk has returned: maps too, which a graph has in between."""
    first = section.nodes[0]
    return first.block is None and first.part != "stem"


class _Pass:
    """A forward pass. A value is known by its owner: the node whose memory it is, or is a view of."""

    def __init__(self, graph: Graph, batch: int, late: bool, materialised: bool) -> None:
        self.graph, self.late, self.materialised = graph, late, materialised
        self.sizes = _Sizes(graph, batch)
        self.unused = unused_nodes(graph)
        self.run = [section for section in graph.sections if section.nodes[0].name not in self.unused]
        self.returning: dict[int, int] = {}
        if late and "loss" in graph.outputs:
            self.returning = self.methods()
        elif late:
            self.run.sort(key=_follows_trunk)
            self.returning = self.stem()
        self.owners = {name: self.owner(name) for section in self.run for name in section.outside}
        self.last = {self.owners[name]: place for place, section in enumerate(self.run) for name in section.outside}
        self.last |= dict.fromkeys(map(self.owner, self.kept()), len(self.run))

    def kept(self) -> Set[str]:
        """The values that outlive the pass: the input, which is the caller's, and the outputs."""
        graph = self.graph
        names = {node.name for node in self.run[0].nodes if isinstance(node.op, Input) and node.origin[:1] != (ENTRY,)}
        names |= {graph.outputs[key] for key in (*graph.returned, EXIT) if key in graph.outputs}
        if self.late:
            names |= {graph.nodes[name].inputs[0] for name in graph.listed("features")}
            names |= {name for name in self.last if graph.nodes[name].block is None}
        return names

    def methods(self) -> dict[int, int]:
        """Elements that the methods of an autoencoder, one for each output, let go where they return, by section."""
        graph = self.graph
        places = {node.name: place for place, section in enumerate(self.run) for node in section.nodes}
        returned = {graph.outputs[key] for key in graph.returned}
        released: dict[int, int] = {}
        before: set[str] = set()
        given: set[str] = set()
        for output, name in graph.outputs.items():
            own = graph.needed_for(output) - before
            local = {one for one in own if graph[one].block is None and not isinstance(graph[one].op, Input)}
            released[places[name]] = sum(self.sizes[one] for one in (local | given) - {name} - returned)
            before, given = before | own, {name}
        return released

    def stem(self) -> dict[int, int]:
        """Elements of the stem, which the trunk lets go where it returns: before maps, neck and head, by section."""
        stem = (node for section in self.run for node in section.nodes if node.part == "stem")
        end = sum(not _follows_trunk(section) for section in self.run) - 1
        return {end: sum(self.sizes[node.name] for node in stem if not isinstance(node.op, Input))}

    def owner(self, name: str) -> str:
        node = self.graph.nodes[name]
        while node.inputs and self.sizes[node.name] == 0:
            node = self.graph.nodes[node.inputs[0]]
        return node.name

    def follow(self) -> tuple[int, int]:
        """Elements at the peak, and at the end. Sections that are alike, and let the same go, are followed once."""
        rises: dict[tuple[object, ...], tuple[int, int]] = {}
        sizes, last, owners = self.sizes, self.last, self.owners
        alive = highest = 0
        for place, section in enumerate(self.run):
            nodes = section.nodes
            if self.late and nodes[0].block is None:
                staying = [*range(len(nodes))]
            else:
                staying = [index for index, node in enumerate(nodes) if node.name in last]
            entering = dict.fromkeys([owners[name] for name in section.outside])
            dying = [name for name in entering if last[name] == place]
            key = (section.like, *staying, *[sizes[name] for name in dying])
            if key not in rises:
                names = {nodes[index].name for index in staying}
                rises[key] = self.rise(section, dying, names), sum([sizes[name] for name in names])
            rise, made = rises[key]
            highest = max(highest, alive + rise)
            alive += made - sum([sizes[name] for name in dying]) - self.returning.get(place, 0)
        return highest, alive

    def rise(self, section: Section, dying: Sequence[str], staying: Set[str]) -> int:
        """By how many elements memory rises at most within a section, above what is alive at its start."""
        sizes = self.sizes
        owners = {name: self.owners[name] for name in section.outside}
        last: dict[str, Node] = {}
        for node in section.nodes:
            read = [owners[name] for name in node.inputs]
            owners[node.name] = own = node.name if sizes[node.name] or not read else read[0]
            last[own] = node
            for name in read:
                last[name] = node
        alive = highest = 0
        held = {} if self.late else {name: sizes[name] for name in dying}
        for node in section.nodes:
            new = sizes[node.name]
            highest = max(highest, alive + new + self.scratch(node))
            alive += new
            if self.late:
                continue
            if new and node.name not in staying:
                held[node.name] = new
            for name in (*node.inputs, node.name):
                owner = owners[name]
                if last[owner] is node:
                    alive -= held.pop(owner, 0)
        return highest

    def scratch(self, node: Node) -> int:
        held = node.op.scratch if self.materialised else node.op.workspace
        return held(self.graph.input_shapes(node), node.shape) * self.sizes.batch
