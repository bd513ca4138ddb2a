"""Both pictures fold the graph the same way; what is drawn is read off the text."""

from dataclasses import dataclass, replace
from itertools import groupby
from xml.etree import ElementTree

import pytest

import hiera_compiler as hc
from hiera_compiler.ir import Activate, Graph, Op, ToGrid
from hiera_compiler.picture import svg, text
from hiera_compiler.picture.fold import fold

SVG = "{http://www.w3.org/2000/svg}"


def words(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def with_op(graph: Graph, name: str, op: Op) -> Graph:
    nodes = dict(graph.nodes)
    nodes[name] = replace(nodes[name], op=op)
    return Graph(nodes, graph.outputs)


def test_the_text_of_hiera_t() -> None:
    lines = text(hc.compile("hiera_t").graph).splitlines()
    assert [line.split()[1] for line in lines if line.startswith("     ↓")] == [
        "3×224×224",
        "56×56×96",
        "56×56×96",
        "28×28×192",
        "14×14×384",
        "7×7×768",
        "1000",
    ]
    third = lines.index(next(line for line in lines if line.startswith("┌─ stage 3")))
    assert [line.strip("│ ") for line in lines[third + 1 : third + 6]] == [
        "×1 + norm → linear 1152 → max pool queries 2×2 → mask unit attention (4 heads) → linear 384",
        "onto norm → linear 384 → max pool 2×2",
        "+ norm → linear 1536 → gelu → linear 384",
        "×6 + norm → linear 1152 → global attention (4 heads) → linear 384",
        "+ norm → linear 1536 → gelu → linear 384",
    ]


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_every_block_is_in_a_row_and_alike_ones_share_it(name: str) -> None:
    compilation = hc.compile(name)
    panels = [panel for panel in fold(compilation.graph) if panel.cost.blocks]
    assert [sum(row.count for row in panel.rows) for panel in panels] == [s.depth for s in compilation.spec.stages]
    blocks = [section for section in compilation.graph.sections if section.nodes[0].block is not None]
    runs = [stage for (stage, _), _ in groupby(blocks, key=lambda block: (block.nodes[0].stage, block.like))]
    assert [len(panel.rows) for panel in panels] == [runs.count(stage) for stage in range(len(panels))]
    grids = [node.shape for node in compilation.graph if isinstance(node.op, ToGrid) and node.block is None]
    assert [panel.output for panel in panels] == grids


def test_windows_are_called_windows() -> None:
    drawn = text(hc.compile("sam2_hiera_t").graph)
    assert "pad 6×6 → windows 25 of 14×14 → linear 1152 → window attention (4 heads)" in drawn
    assert "global attention" in drawn
    assert "mask unit" not in drawn


def test_the_svg_says_what_the_text_says() -> None:
    drawn = words(svg(hc.compile("hiera_b").graph))
    assert [word for word in drawn if word.startswith("×")] == ["×2", "×1", "×2", "×1", "×15", "×1", "×2"]
    assert drawn.count("mask unit attention") == 4
    assert drawn.count("global attention") == 3
    assert "16 blocks · 14×14 tokens · 384 channels · 4 heads" in drawn
    assert "28.24 M params · 6.151 GMACs · 65%" in drawn


def test_nothing_of_the_svg_leaves_its_frame() -> None:
    root = ElementTree.fromstring(svg(hc.compile("hiera_h_16x224").graph))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = [
        {name: float(box.get(name, 0)) for name in ("x", "y", "width", "height")} for box in root.iter(f"{SVG}rect")
    ]
    assert len(boxes) > 40
    assert all(box["x"] + box["width"] <= width and box["y"] + box["height"] <= height for box in boxes)


def test_the_svg_needs_no_other_file() -> None:
    picture = svg(hc.compile("hiera_t").graph)
    assert picture.count("http") == 1  # the name of the format itself
    assert "href" not in picture
    assert "<style" not in picture


def test_text_in_the_svg_is_escaped() -> None:
    graph = with_op(hc.compile("hiera_t").graph, "blocks.0.mlp.activation", Activate("<b>&</b>"))
    assert "<b>&</b>" in words(svg(graph))


@dataclass(frozen=True)
class Sharpen(Activate):
    """A primitive that the pictures do not know."""


def test_an_unknown_primitive_goes_by_its_name() -> None:
    graph = with_op(hc.compile("hiera_t").graph, "blocks.0.mlp.activation", Sharpen("gelu"))
    assert "+ norm → linear 384 → sharpen → linear 96" in text(graph)
    assert "sharpen" in words(svg(graph))


def test_a_trunk_without_head_and_clips_are_drawn() -> None:
    graph = hc.compile("hiera_b_16x224", ["head=none", "drop_path=0"]).graph
    assert "│ patches 3×7×7 every 2×4×4 → + table 1×56×56 → + table 8×1×1 → mask units 392 of 1×8×8" in text(graph)
    assert "head" not in words(svg(graph))
