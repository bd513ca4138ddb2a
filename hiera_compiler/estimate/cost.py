"""The exact cost of a graph, whole, by stage and by kind of primitive, read off its shapes.

Two conventions, both for one sample. ``macs`` is the papers' "FLOPs" (Hiera, Tables 2 and 4): fvcore's
multiply-accumulates with attention counted and normalisation at five per element. ``flops`` is what
``torch.utils.flop_counter.FlopCounterMode`` counts: two per multiply-add of products and convolutions.
``acts`` is what fvcore's ActivationCountAnalysis counts, with the attention matrix of every head.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from itertools import groupby
from math import prod
from typing import TypeVar

from hiera_compiler.estimate.counts import NOTHING, Counts, node_counts, node_params, unused_nodes
from hiera_compiler.ir import Attend, Graph, Node, Op, ToUnits
from hiera_compiler.ir.custom import CustomOp
from hiera_compiler.ir.op import words
from hiera_compiler.ir.sections import Section

__all__ = ["Cost", "KindCost", "StageCost", "cost", "counts_by", "node_params"]

Key = TypeVar("Key", bound=Hashable)
Tally = dict[str, tuple[int, Counts]]
"""The number of nodes and their counts, by the name of the primitive's class."""


@dataclass(frozen=True)
class StageCost:
    """One row of the stage table; counts are for one sample, ``name`` is the nodes' ``part``.

    ``tokens`` and ``channels`` are those that leave it, but those of a decoder's blocks.
    """

    name: str
    blocks: int
    grid: tuple[int, ...]
    tokens: int
    channels: int
    heads: int | None
    attention: str | None
    params: int
    macs: int
    flops: int
    acts: int
    moved: int
    moved_once: int


@dataclass(frozen=True)
class KindCost:
    """All nodes of one kind of primitive; ``name`` is that of its class, such as ``Linear``."""

    name: str
    nodes: int
    params: int
    macs: int
    flops: int
    acts: int
    moved: int
    moved_once: int


@dataclass(frozen=True)
class Cost:
    """The cost of a graph for one sample.

    ``moved`` and ``moved_once`` are elements, as in ``Counts``. The maps of the stages and a neck are not computed
    where there are logits, so nothing is counted for them but weights.
    """

    params: int
    macs: int
    flops: int
    acts: int
    moved: int
    moved_once: int
    stages: tuple[StageCost, ...]
    kinds: tuple[KindCost, ...]


def cost(graph: Graph) -> Cost:
    """The cost of a graph. Blocks that are equal are counted once, and multiplied."""
    tallies = _tallies(graph)
    stages = [_stage(name, list(group), tallies) for name, group in groupby(graph.sections, key=_stage_name)]
    kinds: dict[str, tuple[int, Counts]] = {}
    for like, times in Counter(section.like for section in graph.sections).items():
        for kind, (nodes, counts) in tallies[like].items():
            known = kinds.get(kind, (0, NOTHING))
            kinds[kind] = (known[0] + times * nodes, known[1].plus(counts, times))
    total = NOTHING
    for _, counts in kinds.values():
        total = total.plus(counts)
    rows = tuple(KindCost(name=kind, nodes=nodes, **counts._asdict()) for kind, (nodes, counts) in kinds.items())
    return Cost(**total._asdict(), stages=tuple(stages), kinds=rows)


def counts_by(graph: Graph, key: Callable[[Node], Key]) -> dict[Key, Counts]:
    """The counts of a graph's nodes, added up by what ``key`` says of each, such as its name, block or kind."""
    constants, unused = graph.constants, unused_nodes(graph)
    found: dict[Key, Counts] = {}
    for node in graph:
        if node.name not in unused or node.op.weights():
            place = key(node)
            found[place] = found.get(place, NOTHING).plus(node_counts(graph, node, constants, unused))
    return found


def _tallies(graph: Graph) -> dict[int, Tally]:
    """For each distinct section, by its first place: the nodes and the counts of each kind of primitive."""
    constants, unused = graph.constants, unused_nodes(graph)
    tallies: dict[int, Tally] = {}
    for section in graph.sections:
        if section.like != section.start:
            continue
        tally = tallies[section.start] = {}
        for node in section.nodes:
            if node.name not in unused or node.op.weights():
                kind = type(node.op).__name__
                nodes, counts = tally.get(kind, (0, NOTHING))
                tally[kind] = (nodes + 1, counts.plus(node_counts(graph, node, constants, unused)))
    return tallies


def _stage_name(section: Section) -> str:
    return section.nodes[0].part


def _stage(name: str, cut: list[Section], tallies: dict[int, Tally]) -> StageCost:
    counts = NOTHING
    for like, times in Counter(section.like for section in cut).items():
        for _, part in tallies[like].values():
            counts = counts.plus(part, times)
    blocks = [section for section in cut if section.nodes[0].block is not None]
    heads = getattr(_attending(blocks[-1].nodes), "heads", None) if blocks else None
    # A decoder's tokens are those that enter it: in its last block it leaves the seen ones, and then the channels.
    decoder = blocks and blocks[0].nodes[0].stage is None
    last = blocks[0].nodes[0].shape if decoder else cut[-1].nodes[-1].shape
    return StageCost(
        name=name,
        blocks=len(blocks),
        grid=last[:-1] if blocks and not decoder and len(last) > 2 else (),
        tokens=prod(last[:-1]),
        channels=last[-1],
        heads=heads if isinstance(heads, int) else None,
        attention=_attention([word for section in blocks if (word := attention_word(section.nodes))]),
        **counts._asdict(),
    )


def attention_word(block: Iterable[Node]) -> str | None:
    """How a block attends: globally, inside windows that it makes itself, or inside mask units; none if it does not.

    Where a primitive of another package attends, what that is called.
    """
    nodes = list(block)
    attending = _attending(nodes)
    if not isinstance(attending, Attend):
        return words(attending) if attending is not None else None
    if attending.across_units:
        return "global"
    return "window" if any(isinstance(node.op, ToUnits) for node in nodes) else "mask unit"


def _attending(block: Iterable[Node]) -> Op | None:
    """What a block attends by: ours, or what the attention of another package brings, which reads the most."""
    theirs: list[Node] = []
    for node in block:
        if isinstance(node.op, Attend):
            return node.op
        if isinstance(node.op, CustomOp) and ".attn." in node.name:
            theirs.append(node)
    return max(theirs, key=lambda node: len(node.inputs)).op if theirs else None


def _attention(words: list[str]) -> str | None:
    """How the stage's blocks attend: most of them, others that come among them, and the first where it differs."""
    if not words:
        return None
    first, *rest = words
    (usual, _), *others = Counter(rest or words).most_common()
    said = ", ".join([usual, *(f"{count} {word}" for word, count in others)])
    return said if first == usual else f"{said} (first: {first})"
