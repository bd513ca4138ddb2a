"""Exact parameters and multiply-accumulates, read off the graph.

Two conventions, both for one sample. ``macs`` is the papers' "FLOPs" (Hiera, Tables 2 and 4): fvcore's
multiply-accumulates with attention counted and normalisation at five per element. ``flops`` is what
``torch.utils.flop_counter.FlopCounterMode`` counts: two per multiply-add of products and convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hiera_compiler.ir import Attend, Graph, Node


@dataclass(frozen=True)
class StageCost:
    """One row of the stage table; counts are for one sample, ``name`` is ``stem``, ``stage 1``... or ``head``."""

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


@dataclass(frozen=True)
class Cost:
    """The cost of a graph for one sample."""

    params: int
    macs: int
    flops: int
    stages: tuple[StageCost, ...]


def cost(graph: Graph) -> Cost:
    """The cost of a graph, whole and by stage."""
    stages = {node.stage for node in graph if node.stage is not None}
    rows = [_row(graph, "stem", [node for node in graph if node.stage is None and node.origin[0] != "head"])]
    rows += [_row(graph, f"stage {index + 1}", [node for node in graph if node.stage == index]) for index in sorted(stages)]
    head = [node for node in graph if node.origin[0] == "head"]
    rows += [_row(graph, "head", head)] if head else []
    return Cost(
        params=sum(row.params for row in rows),
        macs=sum(row.macs for row in rows),
        flops=sum(row.flops for row in rows),
        stages=tuple(rows),
    )


def node_params(node: Node) -> int:
    """The learned values of a node."""
    return sum(prod(shape) for shape in node.parameters().values())


def _row(graph: Graph, name: str, nodes: list[Node]) -> StageCost:
    products = sum(node.op.macs(graph.input_shapes(node), node.shape) for node in nodes)
    norms = sum(node.op.norm_macs(node.shape) for node in nodes)
    attends = [node.op for node in nodes if isinstance(node.op, Attend)]
    last = nodes[-1].shape
    return StageCost(
        name=name,
        blocks=len({node.block for node in nodes if node.block is not None}),
        grid=last[:-1] if attends else (),
        tokens=prod(last[:-1]),
        channels=last[-1],
        heads=attends[-1].heads if attends else None,
        attention=_attention(attends),
        params=sum(node_params(node) for node in nodes),
        macs=products + norms,
        flops=2 * products,
    )


def _attention(attends: list[Attend]) -> str | None:
    """How the stage's blocks attend, the first one apart where it differs."""
    if not attends:
        return None
    first, last = ("global" if op.across_units else "mask unit" for op in (attends[0], attends[-1]))
    return last if first == last else f"{last} (first: {first})"
