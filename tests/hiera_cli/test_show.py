import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import hiera_compiler as hc


def test_headline_table_and_picture_of_hiera_b(hiera: Any) -> None:
    done = hiera("show", "hiera_b")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "hiera_b: input 3×224×224, 51.52 M parameters, 9.40 GMACs"
    third = next(line for line in lines if line.startswith("stage 3"))
    attention = "global (first: mask unit)"
    assert third.split() == ["stage", "3", "14x14", "196", "384", "4", "16", *attention.split(), "28.24", "6.151"]
    assert "counted as the papers count FLOPs" in done.out
    assert "│ ×15 + norm → linear 1152 → global attention (4 heads) → linear 384" in done.out
    assert max(map(len, lines)) <= 100


def test_a_picture_does_not_take_the_place_of_its_spec(hiera: Any, tmp_path: Path) -> None:
    spec = tmp_path / "mine.yaml"
    spec.write_text("extends: hiera_t\nname: mine\n")
    done = hiera("show", str(spec), "--svg", str(spec))
    assert (done.code, spec.read_text()) == (2, "extends: hiera_t\nname: mine\n")
    assert "mine.yaml is read, and would be replaced" in done.err
    assert "error[H702]" in hiera("show", str(spec), "--svg", 300 * "x").err


def test_a_picture_is_not_called_as_one_of_another_format(hiera: Any, tmp_path: Path) -> None:
    done = hiera("show", "hiera_t", "--svg", str(tmp_path / "hiera.png"))
    assert (done.code, list(tmp_path.iterdir())) == (2, [])
    assert "hiera.png would hold SVG: call it hiera.svg" in done.err


def test_a_wide_graph_is_folded_to_a_page(hiera: Any) -> None:
    assert max(map(len, hiera("show", "mvitv2_t").out.splitlines())) <= 120


def test_settings_change_what_is_shown(hiera: Any) -> None:
    assert "│ ×17 + norm" in hiera("show", "hiera_b", "--set", "stages.2.depth=18").out


def test_full_lists_every_node(hiera: Any) -> None:
    done = hiera("show", "hiera_t", "--full")
    graph = hc.compile("hiera_t").graph
    listed = [line.split()[0] for line in done.out.splitlines() if line.strip()]
    assert [name for name in listed if name in graph.nodes] == list(graph.nodes)
    (row,) = [line for line in done.out.splitlines() if line.startswith("blocks.0.attn.qkv ")]
    assert row.split()[:6] == ["blocks.0.attn.qkv", "Linear", "blocks.0.norm1", "49x64x288", "27936", "86704128"]
    tokens, weights = 49 * 64, 96 * 288 + 288
    assert row.split()[6:] == [str(tokens * 288), str(4 * (tokens * 96 + tokens * 288 + weights))]


def test_json_holds_spec_hash_and_cost(hiera: Any) -> None:
    compilation = hc.compile("hiera_b")
    found = json.loads(hiera("show", "hiera_b", "--json").out)
    assert found["hash"] == compilation.spec.hash
    assert found["spec"] == compilation.spec.data()
    assert (found["cost"]["params"], found["cost"]["flops"]) == (51_524_968, 18_750_400_512)
    assert [row["name"] for row in found["cost"]["stages"]] == ["stem", *(f"stage {n}" for n in range(1, 5)), "head"]
    assert "nodes" not in found


def test_the_nodes_of_full_json_add_up_to_the_cost(hiera: Any) -> None:
    found = json.loads(hiera("show", "hiera_t", "--full", "--json").out)
    assert sum(node["macs"] for node in found["nodes"]) == found["cost"]["macs"]
    assert sum(node["params"] for node in found["nodes"]) == found["cost"]["params"]
    exact = json.loads(hiera("profile", "hiera_t", "--json").out)
    for count in ("flops", "acts", "bytes_moved"):
        assert sum(node[count] for node in found["nodes"]) == exact[count]


def test_svg_is_written(hiera: Any, tmp_path: Path) -> None:
    file = tmp_path / "picture.svg"
    done = hiera("show", "hiera_b", "--svg", str(file))
    assert (done.code, done.err) == (0, f"wrote {file}\n")
    assert ElementTree.parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert [path.name for path in tmp_path.iterdir()] == ["picture.svg"]


@pytest.mark.parametrize(("name", "reason"), [("no/such/x.svg", "no such file or directory"), (".", "is a directory")])
def test_svg_that_cannot_be_written_is_said_and_leaves_stdout_to_one_object(
    hiera: Any, tmp_path: Path, name: str, reason: str
) -> None:
    done = hiera("show", "hiera_t", "--json", "--svg", str(tmp_path / name))
    assert done.code == 1
    assert f"cannot be written: {reason}" in done.err
    assert list(json.loads(done.out)) == ["diagnostics"]
    assert list(tmp_path.iterdir()) == []


def test_a_neck_that_a_head_leaves_aside_is_said_to_cost_nothing(hiera: Any) -> None:
    assert "leaves the neck out" in hiera("show", "hiera_t", "--set", "neck=feature_pyramid").out
    assert "leaves the neck out" not in hiera("show", "hiera_t_1024", "--set", "neck=feature_pyramid").out
    assert "leaves the neck out" not in hiera("show", "hiera_t").out
