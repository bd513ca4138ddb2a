"""Parts lowered by themselves are the parts of the whole: the same primitives, shapes and wires, whatever the spec."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.ir import Graph, Node
from hiera_compiler.lower import (
    ENTRY,
    EXIT,
    HELD,
    Flow,
    Part,
    Style,
    block_part,
    decoder_blocks,
    decoder_style,
    encoder_of,
    fused_stages,
    fusion_part,
    head_part,
    lower,
    lower_mae,
    map_part,
    masked_tokens,
    neck_part,
    predicted_op,
    prediction_part,
    stage_blocks,
    stem_part,
    target_part,
    tokens_part,
)
from hiera_compiler.spec.grids import kept_units
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
    return form([node for node in part.graph if node.origin[0] != ENTRY and HELD not in node.origin])


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


PRETRAINED = {"mask_ratio": 0.3, "decoder": {"depth": 2, "channels": 8, "heads": 2}}


@given(specs(units=True), st.booleans(), st.sampled_from(["pixel", "hog"]), st.booleans())
@settings(max_examples=25)
def test_the_parts_of_an_autoencoder_are_cut_from_its_graph(
    data: Data, multi_scale: bool, target: str, norm_target: bool
) -> None:
    mae = {"multi_scale": multi_scale, "target": target, "norm_target": norm_target}
    compiled = compilation(data | {"mae": PRETRAINED | mae})
    try:
        spec = compiled.spec
    except SpecError:
        assume(False)
    graph, encoder, held = lower_mae(spec), encoder_of(spec), fused_stages(spec)
    part = stem_part(encoder, spec.stages[0].channels, kept_units(spec))
    assert part_form(part) == cut(graph, "stem")
    flow, number, ends = part.flow, 0, list[Flow]()
    for index, stage in enumerate(encoder.stages):
        blocks = stage_blocks(stage, flow.attention)
        for position in range(stage.depth):
            part = block_part(Style.of(encoder), blocks.at(position), flow, held=not position and index - 1 in held)
            assert part_form(part) == cut(graph, f"blocks.{number}")
            flow, number = part.flow, number + 1
        ends += [flow] if index in held else []
        flow = flow.leaving(stage)
    part = fusion_part(spec.norm, ends, flow)
    assert part_form(part) == cut(graph, "fusion")
    masked, parts = masked_tokens(part.flow), [tokens_part(8, part.flow)]
    for index, block in enumerate(decoder_blocks(spec, masked)):
        part = block_part(decoder_style(spec), block, parts[-1].flow)
        assert part_form(part) == cut(graph, f"decoder_blocks.{index}")
    op = predicted_op(spec, masked.layout)
    parts.append(prediction_part(spec.norm, op.infer(spec.input_shape)[-1], part.flow))
    assert [row for one in parts for row in part_form(one)] == cut(graph, "decoder")
    part = target_part(spec.pretraining, op, masked, spec.input_shape, parts[-1].flow)
    assert part_form(part) == cut(graph, "target")
