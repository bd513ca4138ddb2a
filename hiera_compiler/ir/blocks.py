"""Finding the blocks of a graph that compute the same, so that they share one class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

from hiera_compiler.ir.graph import Graph
from hiera_compiler.ir.node import Node
from hiera_compiler.ir.op import Op
from hiera_compiler.ir.ops.layers import DropPath
from hiera_compiler.ir.ops.pool import Pool, SlidingPool


@dataclass(frozen=True)
class Step:
    """A node of a block, with names relative to the block: equal steps are equal code."""

    name: str
    op: Op
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class BlockClass:
    """The code of one or more blocks; ``drops`` says that it takes a drop path rate."""

    name: str
    steps: tuple[Step, ...]
    drops: bool


@dataclass(frozen=True)
class BlockInstance:
    """A block of the graph: its class, its stage (a decoder's has none), and its drop path rate where it has one."""

    name: str
    stage: int | None
    block_class: BlockClass
    drop_path: float | None


def share_blocks(graph: Graph) -> list[BlockInstance]:
    """The blocks of a graph in order; those that differ only in their drop path rate share a class."""
    classes: dict[tuple[Step, ...], BlockClass] = {}
    blocks = []
    for name, group in groupby(graph, key=lambda node: node.block):
        if name is None:
            continue
        nodes = list(group)
        outside = {parent for node in nodes for parent in node.inputs if not parent.startswith(f"{name}.")}
        if len(outside) != 1:
            raise ValueError(f"{name} reads {sorted(outside)}: a block reads the block before it and nothing else")
        steps = tuple(_step(node, name) for node in nodes)
        rates = [node.op.rate for node in nodes if isinstance(node.op, DropPath)]
        if steps not in classes:
            taken = {known.name for known in classes.values()}
            classes[steps] = BlockClass(_class_name(nodes, taken), steps, bool(rates))
        blocks.append(BlockInstance(name, nodes[0].stage, classes[steps], rates[0] if rates else None))
    return blocks


def _step(node: Node, block: str) -> Step:
    """The node without what differs between equal blocks: the prefix of its names and its drop path rate."""
    op = replace(node.op, rate=0.0) if isinstance(node.op, DropPath) else node.op
    inputs = tuple(name.removeprefix(f"{block}.") if name.startswith(f"{block}.") else "x" for name in node.inputs)
    return Step(node.name.removeprefix(f"{block}."), op, inputs)


def _class_name(nodes: list[Node], taken: set[str]) -> str:
    pools = any(isinstance(node.op, Pool | SlidingPool) for node in nodes)
    stage = nodes[0].stage
    part = "Decoder" if stage is None else f"Stage{stage + 1}"
    name = f"{part}{'Transition' if pools else 'Block'}"
    candidates = (name, *(f"{name}{number}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in candidates if candidate not in taken)
