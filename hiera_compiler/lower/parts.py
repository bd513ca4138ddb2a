"""Parts of a model lowered by themselves: the stem, one block, the map of a stage, the neck, the head.

They are written by what writes whole models. So a cost that adds up over the parts of a graph is that of the graph,
and a search works out each distinct part once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hiera_compiler.ir import Graph, Input, Shape
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import Neck
from hiera_compiler.lower.blocks import Block, Flow, Style, lower_block
from hiera_compiler.lower.hiera import lower_head, lower_map, lower_neck, lower_stem
from hiera_compiler.spec import Head, Spec

ENTRY = "entry"
"""The origin of the nodes that stand for what flows into a part; they belong to parts before. The stem has none."""
EXIT = "exit"
"""The output of a part's graph that flows on."""


@dataclass(frozen=True)
class Part:
    """A part as a graph of its own, and what flows out of it."""

    graph: Graph
    flow: Flow


def stem_part(spec: Spec, channels: int) -> Part:
    """The stem of a resolved spec whose first stage has so many channels. Raises LoweringError, as all of these do."""
    builder = GraphBuilder()
    x, flow = lower_stem(builder, spec, channels)
    builder.output(EXIT, x)
    return Part(builder.graph(), flow)


def block_part(style: Style, block: Block, flow: Flow) -> Part:
    """One block."""
    builder, x = _entered(flow)
    with builder.origin("stages", 0), builder.block("block"):
        x, flow = lower_block(builder, style, block, x, flow, 0.0 if style.drops else None)
    builder.output(EXIT, x)
    return Part(builder.graph(), flow)


def map_part(flow: Flow) -> Part:
    """The map of a stage, which is an output of the model; what flows in flows on."""
    builder, x = _entered(flow)
    with builder.origin("stages", 0):
        builder.output("features", lower_map(builder, "features", x, flow))
    builder.output(EXIT, x)
    return Part(builder.graph(), flow)


def neck_part(neck: Neck, maps: Sequence[Shape], flow: Flow) -> Part:
    """The neck over maps of these shapes, those that it reads; nothing flows on."""
    builder = GraphBuilder()
    with builder.origin(ENTRY):
        entered = [builder.add(f"{ENTRY}.{index}", Input(shape)) for index, shape in enumerate(maps)]
    builder.output(EXIT, lower_neck(builder, neck, entered)[0])
    return Part(builder.graph(), flow)


def head_part(style: Style, head: Head, flow: Flow) -> Part:
    """The head; nothing flows on."""
    builder, x = _entered(flow)
    builder.output(EXIT, lower_head(builder, style.norm, head, x, flow))
    return Part(builder.graph(), flow)


def _entered(flow: Flow) -> tuple[GraphBuilder, Value]:
    builder = GraphBuilder()
    with builder.origin(ENTRY):
        return builder, builder.add(ENTRY, Input(flow.shape))
