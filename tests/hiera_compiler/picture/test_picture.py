"""Both pictures fold the graph the same way; what is drawn is read off the text."""

from dataclasses import dataclass, replace
from itertools import groupby
from xml.etree import ElementTree

import pytest

import hiera_compiler as hc
from hiera_compiler.ir import Activate, Graph, Op, ToGrid
from hiera_compiler.picture import svg, text
from hiera_compiler.picture.fold import Panel, Row, fold
from hiera_compiler.picture.labels import part
from hiera_compiler.picture.repeats import Repeat, repeated

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
    blocks = [section for section in compilation.graph.sections if section.nodes[0].block is not None]
    runs = [
        (stage, len(list(alike))) for (stage, _), alike in groupby(blocks, key=lambda at: (at.nodes[0].stage, at.like))
    ]
    for index, panel in enumerate(panels):
        assert [row.count for row in written_out(panel)] == [count for stage, count in runs if stage == index]
    grids = [node.shape for node in compilation.graph if isinstance(node.op, ToGrid) and node.block is None]
    assert [panel.outputs for panel in panels] == [(grid,) for grid in grids]


def written_out(panel: Panel) -> list[Row]:
    """The rows of a panel, those that repeat as often as they do."""
    found: list[Row] = []
    index = 0
    while index < len(panel.rows):
        repeat = next((repeat for repeat in panel.repeats if repeat.start == index), Repeat(index, index + 1, 1))
        found += repeat.count * panel.rows[repeat.start : repeat.stop]
        index = repeat.stop
    return found


def test_blocks_that_alternate_are_drawn_once_with_a_bracket() -> None:
    lines = [line.strip("│ ") for line in text(hc.compile("swin_b").graph).splitlines()]
    start = next(index for index, line in enumerate(lines) if line.startswith("×8"))
    assert [line[:14] for line in lines[start : start + 4]] == [
        "×8 ┌ + norm → ",
        "+ norm → linea",
        "+ norm → shift",
        "└ + norm → lin",
    ]
    assert sum("shift 3×3" in line for line in lines) == 4
    assert sum(" → shift back 3×3" in line for line in lines) == 4
    assert sum("windows 1 of 7×7" in line for line in lines) == 2  # the last stage has one window
    drawn = words(svg(hc.compile("swin_b").graph))
    assert [word for word in drawn if word.startswith("×")] == ["×1", "×1", "×1", "×1", "×1", "×1", "×8", "×1", "×1"]


def test_rows_inside_a_bracket_keep_their_numbers() -> None:
    graph = hc.compile("sam2_hiera_s").graph
    lines = [line.strip("│ ") for line in text(graph).splitlines()]
    (first,) = (line for line in lines if line.startswith("×2 ┌"))
    assert first.startswith("×2 ┌ ×2 + norm → pad 6×6")
    drawn = [word for word in words(svg(graph)) if word.startswith("×")]
    assert drawn == ["×1", "×1", "×1", "×1", "×3", "×1", "×2", "×1", "×2", "×1", "×1"]


@pytest.mark.parametrize(
    ("items", "kept", "repeats"),
    [
        ("", "", []),
        ("abc", "abc", []),
        ("tswswsw", "tsw", [(1, 3, 3)]),
        ("tswsws", "tsws", [(2, 4, 2)]),
        ("tabcabc", "tabc", [(1, 4, 2)]),
        ("ababcdcd", "abcd", [(0, 2, 2), (2, 4, 2)]),
    ],
)
def test_what_recurs_is_kept_once(items: str, kept: str, repeats: list[tuple[int, int, int]]) -> None:
    found, where = repeated(tuple(items))
    assert ("".join(found), where) == (kept, tuple(Repeat(*numbers) for numbers in repeats))


NO_BOXES = dict.fromkeys(map(ord, "┌─┐│└┘"))


@pytest.mark.parametrize("name", ["mvitv2_t", "detection/hiera_b", "sam2_hiera_s"])
def test_rows_too_wide_go_on_in_the_next_line_and_lose_nothing(name: str) -> None:
    graph = hc.compile(name).graph
    folded, wide = text(graph, 90).splitlines(), text(graph).splitlines()
    assert max(map(len, wide)) > max(map(len, folded))
    assert {len(line) for line in folded if line[0] in "┌│└"} == {max(map(len, folded))}
    assert max(map(len, folded)) <= 90
    assert " ".join(folded).translate(NO_BOXES).split() == " ".join(wide).translate(NO_BOXES).split()


def test_boxes_say_what_they_are_for_where_they_are_for_one() -> None:
    drawn = text(hc.compile("mvitv2_t").graph)
    assert (
        "linear 288 → depth-wise conv queries 3×3 → norm → depth-wise conv keys and values 3×3 every 4×4 → norm → "
        "+ relative position 56×56 to 14×14 → global attention (1 head) → add queries → linear 96"
    ) in drawn


def test_a_table_stands_before_what_it_is_added_to() -> None:
    drawn = text(hc.compile("swin_t").graph)
    assert "linear 288 → + relative positions → + shift mask → window attention (3 heads) → linear 96" in drawn


def test_a_class_token_is_one_box_and_no_grid() -> None:
    drawn = text(hc.compile("vit_b").graph)
    assert "patches 16×16 → + table 14×14 → tokens 14×14 → + class token " in drawn
    assert "↓ 197×768\n" in drawn


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


class TalkingHeads(Activate):
    pass


class SquaredReLU(Activate):
    pass


@dataclass(frozen=True)
class Sharpen(Activate):
    """A primitive that the pictures do not know."""


def test_an_unknown_primitive_goes_by_its_name() -> None:
    graph = with_op(hc.compile("hiera_t").graph, "blocks.0.mlp.activation", Sharpen("gelu"))
    assert "+ norm → linear 384 → sharpen → linear 96" in text(graph)
    assert "sharpen" in words(svg(graph))


def test_the_words_of_an_unknown_primitive_stand_apart() -> None:
    assert [part(make("gelu")).word for make in (TalkingHeads, SquaredReLU)] == ["talking heads", "squared relu"]


def test_a_trunk_without_head_and_clips_are_drawn() -> None:
    graph = hc.compile("hiera_b_16x224", ["head=none", "drop_path=0"]).graph
    assert "│ patches 3×7×7 every 2×4×4 → + table 1×56×56 → + table 8×1×1 → mask units 392 of 1×8×8" in text(graph)
    assert "head" not in words(svg(graph))


def test_a_neck_has_a_row_for_each_of_its_levels() -> None:
    lines = text(hc.compile("hiera_t_1024", ["neck=feature_pyramid"]).graph).splitlines()
    neck = lines.index(next(line for line in lines if line.startswith("┌─ neck")))
    assert [line.strip("│ ") for line in lines[neck + 1 : neck + 5]] == [
        "stage 4 32×32 → convolution 1×1 → convolution 3×3 → max pool 1×1 every 2×2",
        "stage 3 64×64 → convolution 1×1 → repeat 2×2 → add → convolution 3×3",
        "stage 2 128×128 → convolution 1×1 → repeat 2×2 → add → convolution 3×3",
        "stage 1 256×256 → convolution 1×1 → repeat 2×2 → add → convolution 3×3",
    ]
    assert lines[-1] == "     ↓ 256×256×256, 128×128×256, 64×64×256, 32×32×256, 16×16×256"


def test_fusion_has_a_row_for_each_map_that_it_brings_to_the_last() -> None:
    lines = text(hc.compile("hiera_t", task="mae").graph).splitlines()
    fusion = lines.index(next(line for line in lines if line.startswith("┌─ fusion")))
    assert [line.strip("│ ") for line in lines[fusion + 1 : fusion + 4]] == [
        "stage 1 19×64 → convolution 4×4",
        "stage 2 19×16 → convolution 2×2",
        "stage 4 19×4 → add → add → norm",
    ]


def test_a_decoder_is_as_wide_as_its_blocks_and_has_the_tokens_that_enter_it() -> None:
    graph = hc.compile("hiera_t", ["mae.decoder.depth=1", "mae.decoder.channels=256"], task="mae").graph
    assert "1 block · 196 tokens · 256 channels · 16 heads" in svg(graph)


def test_a_head_is_given_the_last_stage_and_not_the_maps_of_the_neck() -> None:
    *_, neck, head = fold(hc.compile("hiera_t", ["neck=feature_pyramid"]).graph)
    assert (neck.name, neck.outputs) == ("neck", ((7, 7, 768),))
    assert (head.name, head.outputs) == ("head", ((1000,),))
