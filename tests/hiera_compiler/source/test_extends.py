"""`extends`: a spec laid over another, and every way that can fail."""

from pathlib import Path
from typing import Any

import pytest

from hiera_compiler import bundled
from hiera_compiler.diagnostics import Diagnostic, SpecError
from hiera_compiler.source import load

BASE = """\
name: base
pool: {kind: max, stride: 2}
norm: layer_norm
head: {classes: 1000, dropout: 0.5}
stages:
- {depth: 1, pool: {kind: max}}
- {depth: 2}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with bundled specs of its own."""
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "hiera_b.yaml").write_text(BASE)
    monkeypatch.setattr(bundled, "spec_dir", lambda: specs)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(text: str) -> Any:
    Path("x.yaml").write_text(text)
    return load("x.yaml").data


def problem(text: str, spec: str = "x.yaml") -> Diagnostic:
    Path("x.yaml").write_text(text)
    with pytest.raises(SpecError) as caught:
        load(spec)
    (found,) = caught.value.diagnostics
    return found


def line_of(diagnostic: Diagnostic) -> tuple[str, int, int]:
    assert diagnostic.span is not None
    return diagnostic.span.text.name, diagnostic.span.line, diagnostic.span.column


@pytest.mark.parametrize(
    ("over", "field", "value"),
    [
        ("head: {classes: 10}", "head", {"classes": 10, "dropout": 0.5}),
        ("head: none", "head", "none"),
        ("head: null", "head", None),
        ("pool: {stride: 3}", "pool", {"kind": "max", "stride": 3}),
        ("pool: {kind: max, stride: 3}", "pool", {"kind": "max", "stride": 3}),
        ("pool: {kind: mean}", "pool", {"kind": "mean"}),
        ("norm: {epsilon: 1e-5}", "norm", {"kind": "layer_norm", "epsilon": 1e-5}),
        ("norm: {kind: rms_norm, epsilon: 1e-5}", "norm", {"kind": "rms_norm", "epsilon": 1e-5}),
        ("stages: [{depth: 9}]", "stages", [{"depth": 9}]),
        ("stages: {1: {depth: 9}}", "stages", [{"depth": 1, "pool": {"kind": "max"}}, {"depth": 9}]),
        ("stages: {0: {pool: max}}", "stages", [{"depth": 1, "pool": "max"}, {"depth": 2}]),
        ("stages: {1: none}", "stages", [{"depth": 1, "pool": {"kind": "max"}}, "none"]),
        ("new: 1", "new", 1),
        ("name: mine", "name", "mine"),
        ("other: 1", "name", "base"),
    ],
)
def test_mappings_merge_and_the_rest_replaces(over: str, field: str, value: Any) -> None:
    data = loaded(f"extends: hiera_b\n{over}\n")
    assert data[field] == value
    assert "extends" not in data


@pytest.mark.parametrize(
    ("over", "field", "value"),
    [
        ("norm: {choose: [layer_norm]}", "norm", {"choose": ["layer_norm"]}),
        ("pool: {tie: p}", "pool", {"tie": "p"}),
        ("head: {range: [1, 2]}", "head", {"range": [1, 2]}),
        (
            "stages: {0: {depth: {choose: [1]}}}",
            "stages",
            [{"depth": {"choose": [1]}, "pool": {"kind": "max"}}, {"depth": 2}],
        ),
        ("stages: {0: {pool: {choose: [max]}}}", "stages", [{"depth": 1, "pool": {"choose": ["max"]}}, {"depth": 2}]),
        ("stages: {choose: [[]]}", "stages", {"choose": [[]]}),
        ("pool: {kind: max, range: 3}", "pool", {"kind": "max", "stride": 2, "range": 3}),
    ],
)
def test_a_hole_replaces_the_value_below_it(over: str, field: str, value: Any) -> None:
    assert loaded(f"extends: hiera_b\n{over}\n")[field] == value


@pytest.mark.parametrize(
    ("over", "value"),
    [
        ("{choose: [1, 2]}", {"choose": [1, 2]}),
        ("{tie: n}", {"tie": "n"}),
        ("{classes: 10}", {"classes": 10}),
        ("3", 3),
    ],
)
def test_a_hole_is_replaced_whole_by_the_value_above_it(over: str, value: Any) -> None:
    Path("holes.yaml").write_text("extends: hiera_b\nhead: {choose: [none, {classes: 1}]}\n")
    assert loaded(f"extends: holes.yaml\nhead: {over}\n")["head"] == value


def test_every_value_is_placed_in_the_file_it_came_from() -> None:
    loaded("extends: hiera_b\nhead: {classes: 10}\nstages: {1: {depth: 9}}\n")
    source = load("x.yaml")
    shipped = str(Path("specs/hiera_b.yaml"))
    assert source.value(("head", "classes")).text.name == "x.yaml"
    assert source.value(("stages", 1, "depth")).text.name == "x.yaml"
    assert source.value(("head", "dropout")).text.name == shipped
    assert source.value(("stages", 0, "depth")).text.name == shipped
    assert source.key(("name",)).line == 1
    assert source.key(("head", "classes")).text.name == "x.yaml"
    assert source.key(("head", "dropout")).text.name == shipped


def test_a_path_is_relative_to_the_file_that_holds_it() -> None:
    Path("deep/er").mkdir(parents=True)
    Path("deep/base.yaml").write_text("extends: er/first.yaml\na: 2\n")
    Path("deep/er/first.yaml").write_text("a: 1\nb: 1\n")
    assert loaded("extends: ./deep/base.yaml\nc: 3\n") == {"a": 2, "b": 1, "c": 3}


def test_an_item_that_does_not_exist_names_the_range() -> None:
    found = problem("extends: hiera_b\nstages: {2: {depth: 1}}\n")
    assert (found.code, line_of(found)) == ("H024", ("x.yaml", 2, 10))
    assert found.message == "the list has 2 items and no item '2'"
    assert found.help == "pick an item from 0 to 1, or give the whole list"


def test_all_missing_items_are_told_at_once() -> None:
    Path("x.yaml").write_text("extends: hiera_b\nstages: {2: 1, -1: 1, depth: 1}\n")
    with pytest.raises(SpecError) as caught:
        load("x.yaml")
    assert [found.code for found in caught.value.diagnostics] == ["H024"] * 3


@pytest.mark.parametrize("value", ["[a, b]", "1", "true", "null", "''", "{a: 1}"])
def test_extends_names_one_spec(value: str) -> None:
    found = problem(f"a: 1\nextends: {value}\n")
    assert (found.code, line_of(found)) == ("H020", ("x.yaml", 2, 10))


@pytest.mark.parametrize(
    ("value", "suggestion"),
    [("hiera_bb", "'hiera_b'"), ("./bsae.yaml", "'base.yaml'"), ("zebra", None), ("x" * 5000, None)],
)
def test_a_missing_base_is_shown_at_the_extends(value: str, suggestion: str | None) -> None:
    Path("base.yaml").write_text("a: 1")
    found = problem(f"extends: {value}\n")
    assert (found.code, line_of(found)) == ("H021", ("x.yaml", 1, 10))
    assert found.help is not None
    assert "`hiera specs`" in found.help
    assert (suggestion is None) != (f"did you mean {suggestion}?" in found.help)


def test_a_problem_in_a_base_says_who_extends_it() -> None:
    Path("base.yaml").write_text("a: 1\na: 2\n")
    found = problem("b: 1\nextends: base.yaml\n")
    assert (found.code, line_of(found)) == ("H016", ("base.yaml", 2, 1))
    assert found.notes == ("x.yaml:2 extends it",)


def test_a_circle_shows_its_road() -> None:
    Path("a.yaml").write_text("extends: b.yaml\n")
    Path("b.yaml").write_text("extends: ./x/../a.yaml\n")
    Path("x").mkdir()
    found = problem("extends: a.yaml\n")
    assert (found.code, line_of(found)) == ("H022", ("b.yaml", 1, 10))
    assert found.notes == ("a.yaml -> b.yaml -> a.yaml",)
    assert problem("extends: x.yaml\n").code == "H022"


def test_eight_bases_are_allowed_and_nine_are_not() -> None:
    for index in range(1, 9):
        Path(f"s{index}.yaml").write_text(f"extends: s{index + 1}.yaml\n")
    Path("s9.yaml").write_text("a: 1\n")
    assert load("s1.yaml").data == {"a": 1}
    assert problem("extends: s1.yaml\n").code == "H023"


def test_a_bundled_name_wins_over_a_folder_of_that_name() -> None:
    Path("hiera_b").mkdir()
    assert load("hiera_b").data["name"] == "base"
    assert load(Path("specs") / "hiera_b.yaml").data["name"] == "base"


def test_an_unknown_name_suggests_one_and_the_list() -> None:
    found = problem("", spec="hiera_bb")
    assert found.code == "H001"
    assert found.message == "no spec named 'hiera_bb'"
    assert found.help == "did you mean 'hiera_b'? `hiera specs` lists the names"


def test_a_file_without_its_suffix_is_suggested() -> None:
    found = problem("", spec="x")
    assert found.help == "did you mean 'x.yaml'? `hiera specs` lists the names"
