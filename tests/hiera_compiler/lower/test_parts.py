"""Parts lowered by themselves are the parts of the whole: the same primitives, shapes and wires, whatever the spec."""

from __future__ import annotations

from hypothesis import given

from hiera_compiler.ir import Graph, Node
from hiera_compiler.lower import (
    ENTRY,
    EXIT,
    Part,
    Style,
    block_part,
    head_part,
    lower,
    map_part,
    neck_part,
    stage_blocks,
    stem_part,
)
from tests.support.random_specs import Data, compilation, specs

Form = list[tuple[str, object, tuple[str, ...], object]]


def form(nodes: list[Node]) -> Form:
    """The nodes as they are anywhere: names within their block, and drop path rates left out."""
    inside = {node.name: node.name.removeprefix(f"{node.block}.") for node in nodes}
    return [
        (inside[node.name], "drop" if type(node.op).__name__ == "DropPath" else node.op, tuple(reads), node.shape)
        for node in nodes
        for reads in [[inside.get(name, "before") for name in node.inputs]]
    ]


def part_form(part: Part) -> Form:
    return form([node for node in part.graph if node.origin != (ENTRY,)])


def cut(graph: Graph, part: str) -> Form:
    return form([node for node in graph if part == (node.block or node.part)])


@given(specs())
def test_the_parts_of_a_spec_are_cut_from_its_graph(data: Data) -> None:
    spec = compilation(data).spec
    graph, style = lower(spec), Style.of(spec)
    part = stem_part(spec, spec.stages[0].channels)
    maps = [node for node in graph if node.name.startswith("features.")]
    assert part_form(part) == cut(graph, "stem")
    flow, number = part.flow, 0
    for stage, shown in zip(spec.stages, maps, strict=True):
        blocks = stage_blocks(stage, flow.attention)
        for position in range(stage.depth):
            part = block_part(style, blocks.at(position), flow)
            assert part_form(part) == cut(graph, f"blocks.{number}")
            assert part.graph.outputs[EXIT] in part.graph.nodes
            flow, number = part.flow, number + 1
        assert [row[1:] for row in part_form(map_part(flow))] == [row[1:] for row in form([shown])]
        flow = flow.leaving(stage)
    if spec.neck is not None:
        read = [maps[index].shape for index in spec.neck.reads(len(maps))]
        assert part_form(neck_part(spec.neck, read, flow)) == cut(graph, "neck")
    if spec.head is not None:
        assert part_form(head_part(style, spec.head, flow)) == cut(graph, "head")
