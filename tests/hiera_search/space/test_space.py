"""What is in a space: names, ties, cases, settings, and the places of what is filled in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hiera_compiler as hc
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.pipeline import Compilation
from hiera_search.space import ABSENT, Refused, Space, load_space

Read = Callable[..., Space]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads a space from the text that lies over Hiera-B."""
    monkeypatch.chdir(tmp_path)

    def reader(text: str, *settings: str, base: str = "hiera_b") -> Space:
        Path("x.yaml").write_text(f"extends: {base}\nname: x\n{text}")
        return load_space("x.yaml", settings)

    return reader


def codes(read: Read, text: str, *settings: str) -> set[str]:
    with pytest.raises(SpecError) as caught:
        read(text, *settings)
    return {problem.code for problem in caught.value.diagnostics}


def depths(space: Space) -> list[Any]:
    """The depth of the first stage for every choice of one hole."""
    return [space.value(("stages", 0, "depth"), [index]) for index in range(space.digits()[0])]


def test_a_spec_is_a_space_of_one_point() -> None:
    space = load_space("hiera_b")
    assert (space.name, space.points, space.holes) == ("hiera_b", 1, ())
    assert Compilation(space.fill([])).spec.hash == hc.compile("hiera_b").spec.hash


def test_a_spec_with_a_problem_is_refused_as_a_space_too(read: Read) -> None:
    assert codes(read, "stages: {0: {depth: two}}") == {"H103"}


@pytest.mark.parametrize(
    ("hole", "values"),
    [
        ("{choose: [2, 7, 3]}", [2, 7, 3]),
        ("{range: [2, 4]}", [2, 3, 4]),
        ("{range: [2, 7, 2]}", [2, 4, 6]),
        ("{range: [2, 2]}", [2]),
        ("{range: [1, 3, 1.0]}", [1, 2, 3]),
    ],
)
def test_a_hole_is_one_of_its_options(read: Read, hole: str, values: list[int]) -> None:
    space = read(f"stages: {{0: {{depth: {hole}}}}}")
    assert [hole.name for hole in space.holes] == ["stages.0.depth"]
    assert list(space.holes[0].options) == values == depths(space)
    assert all(isinstance(value, int) for value in depths(space))


def test_decimals_of_a_range_are_exact(read: Read) -> None:
    space = read("mlp_ratio: {range: [0.1, 0.5, 0.1]}")
    assert space.holes[0].options == (0.1, 0.2, 0.3, 0.4, 0.5)


@pytest.mark.parametrize(
    ("options", "tie", "values"),
    [
        ("[96, 100]", "{tie: n}", [96, 100]),
        ("[96, 100]", "{tie: n, times: 2}", [192, 200]),
        ("[96, 100]", "{tie: n, over: 32}", [3, "H612"]),
        ("[96, 100]", "{tie: n, times: half}", [48, 50]),
        ("[96, 100]", "{tie: n, times: n, over: 10000}", ["H612", 1]),
        ("[96, 10000000000]", "{tie: n, times: n, over: 96}", [96, "H613"]),
        ("[96, word]", "{tie: n, times: 2}", [192, "H613"]),
        ("[96, [96]]", "{tie: n, times: 2}", [192, "H613"]),
        ("[96, true]", "{tie: n, times: 2}", [192, "H613"]),
        ("[96, .nan]", "{tie: n, times: 2}", [192, "H613"]),
        ("[96, 0]", "{tie: n, times: 96, over: n}", [96, "H613"]),
    ],
)
def test_a_tie_works_whole_numbers_out_exactly_or_is_refused(
    read: Read, options: str, tie: str, values: list[int | str]
) -> None:
    space = read(f"let: {{n: {{choose: {options}}}, half: 0.5}}\nhead: {{classes: {tie}, dropout: {{tie: half}}}}")
    found: list[object] = []
    for index in range(2):
        try:
            found.append(space.value(("head", "classes"), [index]))
        except Refused as refused:
            found.append(refused.code)
    assert found == values
    assert all(type(one) is type(other) for one, other in zip(found, values, strict=True))


def test_a_tie_may_be_a_decimal_where_one_of_its_numbers_is(read: Read) -> None:
    space = read("let: {r: {choose: [3, 4.5]}}\nmlp_ratio: {tie: r, over: 2.0}\ndrop_path: {tie: r, over: 100.0}")
    assert [space.value(("mlp_ratio",), [index]) for index in range(2)] == [1.5, 2.25]
    assert [space.value(("drop_path",), [index]) for index in range(2)] == [0.03, 0.045]


def test_cases_follow_a_name_and_their_holes_exist_with_its_value(read: Read) -> None:
    cases = "{a: {choose: [1, 2]}, 1.5: 3, 'true': {range: [4, 6]}, 'null': 7}".replace("1.5", "'1.5'")
    space = read(f"let: {{n: {{choose: [a, 1.5, true, null]}}}}\nstages: {{0: {{depth: {{tie: n, cases: {cases}}}}}}}")
    assert [hole.name for hole in space.holes] == ["n", "stages.0.depth.cases.a", "stages.0.depth.cases.true"]
    assert [hole.conditions for hole in space.holes] == [(), ((0, frozenset({0})),), ((0, frozenset({2})),)]
    assert space.points == 2 + 1 + 3 + 1
    found = [space.value(("stages", 0, "depth"), {0: name, 1: 1, 2: 2}) for name in range(4)]
    assert found == [2, 3, 6, 7]


def test_a_named_hole_exists_where_it_may_be_used(read: Read) -> None:
    used = "{depth: {choose: [9, {tie: n}, {tie: n, times: 2}]}}"
    space = read(f"let: {{n: {{choose: [1, 2]}}}}\nstages: {{0: {used}}}")
    assert [hole.name for hole in space.holes] == ["stages.0.depth", "n"]
    assert space.holes[1].conditions == ((0, frozenset({1, 2})),)
    assert space.points == 5
    space = read(f"let: {{n: {{choose: [1, 2]}}}}\nstages: {{0: {used}, 1: {{depth: {{tie: n}}}}}}")
    assert (space.points, space.holes[1].conditions) == (6, ())
    space = read("let: {n: {choose: [1, 2]}}\nstages: {0: {depth: {choose: [{tie: n}, {tie: n, times: 2}]}}}")
    assert (space.points, space.holes[1].conditions) == (4, ())


def test_active_and_canonical_agree_with_the_conditions(read: Read) -> None:
    space = read("stages: {1: {pool: {choose: [none, {kind: max, stride: {choose: [2, {range: [3, 5]}]}}]}}}")
    assert space.digits() == (2, 2, 3)
    choices = np.array([[0, 1, 2], [1, 0, 2], [1, 1, 2]], dtype=np.int32)
    assert space.active(choices).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert space.canonical(choices).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 2]]
    assert space.canonical(choices).dtype == np.int32
    assert space.points == 1 + 1 + 3


def test_lists_of_stages_of_different_length_are_one_hole(read: Read) -> None:
    stage = "{depth: 1, channels: 96, heads: {choose: [1, 2]}, attention: global}"
    space = read(f"stages: {{choose: [[{stage}], [{stage}, {stage}]]}}")
    assert space.points == 2 + 4
    assert space.length(("stages",)) == 2
    assert space.length(("stages", 0)) == space.length(("nowhere",)) == 0
    assert space.value(("stages", 1), [0, 0, 0, 0]) is ABSENT
    assert space.value(("stages", 1, "heads"), [1, 0, 0, 1]) == 2
    assert space.below(("stages", 1)) == (0, 3)
    assert space.below(("stages", 1), without=("heads",)) == (0,)
    assert space.below(("mask_unit",)) == ()


def test_keys_left_out_are_neither_read_nor_given(read: Read) -> None:
    space = read("stages: {0: {depth: {choose: [1, 2]}, heads: {choose: [1, 2]}}}")
    (heads,) = space.below(("stages", 0), without=("depth",))
    found = space.value(("stages", 0), {heads: 1}, without=("depth",))
    assert found == {"channels": 96, "heads": 2, "attention": "mask_unit"}
    assert space.value(("stages", 1), {}, without=("depth", "pool")) == {
        "channels": 192,
        "heads": 2,
        "attention": "mask_unit",
    }


def test_every_value_filled_in_keeps_its_place(read: Read) -> None:
    space = read("let: {n: {choose: [2, 3]}}\nstages: {0: {depth: {tie: n}, heads: {choose: [1, {tie: n, times: 2}]}}}")
    source = space.fill([0, 1], "winner")
    assert source.data["name"] == "winner"
    assert "let" not in source.data
    places = {key: source.value(("stages", 0, key)) for key in ("depth", "heads", "channels")}
    shown = {key: (span.text.name, span.line, span.column) for key, span in places.items()}
    base = shown.pop("channels")
    assert shown == {"depth": ("x.yaml", 3, 20), "heads": ("x.yaml", 4, 51)}
    assert base[0].endswith("hiera_b.yaml")


def test_a_rule_that_a_point_breaks_is_shown_at_the_options_of_the_space(read: Read) -> None:
    compilation = Compilation(read("stages: {0: {channels: {choose: [96, 97]}, heads: 2}}").fill([1]))
    with pytest.raises(SpecError) as caught:
        _ = compilation.spec
    (problem,) = caught.value.diagnostics
    assert problem.code == "H201"
    assert (problem.labels[1].span.text.name, problem.labels[1].span.column) == ("x.yaml", 38)


@pytest.mark.parametrize(
    ("setting", "points", "depth"),
    [
        ("stages.0.depth=2", 12, 2),
        ("let.n=2", 4, 2),
        ("let.n={choose: [4, 5]}", 8, 4),
        ("let.n.choose=[7]", 4, 7),
        ("stages.0={depth: 9, channels: 96, heads: 1, attention: global}", 12, 9),
    ],
)
def test_a_setting_closes_a_hole_or_puts_another_there(read: Read, setting: str, points: int, depth: int) -> None:
    text = (
        "let: {n: {choose: [1, 2, 3]}, m: {choose: [1, 2]}}\n"
        "stages: {0: {depth: {tie: n}, heads: {tie: m}}, 1: {depth: {tie: n}, heads: {choose: [1, 2]}}}\n"
        "drop_path: {tie: m, over: 10.0}"
    )
    assert read(text).points == 12
    space = read(text, setting)
    assert space.value(("stages", 0, "depth"), [0] * len(space.holes)) == depth
    assert space.points == points


def test_a_closed_name_leaves_only_its_case_with_the_holes_in_it(read: Read) -> None:
    text = (
        "let: {n: {choose: [1, 2]}, m: {choose: [1, 2, 3]}}\n"
        "stages: {0: {depth: {tie: n, cases: {1: {tie: m}, 2: {choose: [4, 5]}}}}}"
    )
    assert read(text).points == 3 + 2
    for value, names in ((1, ["m"]), (2, ["stages.0.depth.cases.2"])):
        closed = read(text, f"let.n={value}")
        assert [hole.name for hole in closed.holes] == names
    narrowed = read(text, "let.n={choose: [2]}")
    assert [hole.name for hole in narrowed.holes] == ["n", "stages.0.depth.cases.2"]
    assert narrowed.points == 2


def test_a_misspelt_setting_of_a_name_is_told(read: Read) -> None:
    text = "let: {width: {choose: [96, 112]}}\nstages: {0: {channels: {tie: width}}}"
    assert codes(read, text, "let.widht=96") == {"H607"}


def test_a_space_may_extend_a_space_and_narrow_it(read: Read) -> None:
    space = read("let: {turn: 3}\nstages: {2: {depth: {range: [7, 9]}}}\nmlp_ratio: 4\n", base="hiera_small")
    assert space.points == load_space("hiera_small").points // (2 * 2 * 4) * 3
    assert space.name == "x"


def test_a_hole_replaces_what_it_lies_over_and_is_replaced_whole(read: Read) -> None:
    space = read("position: {choose: [absolute, {kind: absolute}]}\nnorm: {choose: [layer_norm]}")
    assert [hole.name for hole in space.holes] == ["position", "norm"]
    closed = read("stages: {2: {attention: mask_unit}, 3: {depth: 1}}", base="hiera_small")
    assert closed.value(("stages", 2, "attention"), [0] * len(closed.holes)) == "mask_unit"
    replaced = read("norm: {epsilon: 1e-5}", "norm={choose: [layer_norm]}")
    assert replaced.points == 1


def test_names_of_holes_are_told_apart(read: Read) -> None:
    space = read("let: {mlp_ratio: {choose: [3, 4]}}\nmlp_ratio: {choose: [2, {tie: mlp_ratio}]}")
    assert [hole.name for hole in space.holes] == ["mlp_ratio", "let.mlp_ratio"]


def test_long_ranges_are_checked_at_both_ends(read: Read) -> None:
    assert read("stages: {0: {depth: {range: [1, 1000]}}}").points == 1000
    assert codes(read, "stages: {0: {depth: {range: [1, 1001]}}}") == {"H104"}
    assert codes(read, "stages: {0: {depth: {range: [0, 1000]}}}") == {"H104"}


def test_an_option_deep_inside_others_is_checked_for_form(read: Read) -> None:
    hole = "{choose: [none, {kind: max, stride: {choose: [1, {choose: [2, [1, {choose: [2, two]}]]}]}}]}"
    assert codes(read, f"stages: {{1: {{pool: {hole}}}}}") == {"H103"}
    assert read(f"stages: {{1: {{pool: {hole.replace('two', '4')}}}}}").points == 1 + 1 + 1 + 2


def test_cases_of_a_tie_that_never_comes_out_are_told_as_such(read: Read) -> None:
    let = "let: {a: {choose: [96, 97]}, b: {tie: a, over: 1000}}"
    assert "H618" in codes(read, f"{let}\nstages: {{0: {{depth: {{tie: b, cases: {{1: 1}}}}}}}}")
    assert codes(read, f"{let}\nstages: {{0: {{depth: {{tie: b, cases: {{1: 1}}}}}}}}", "let.a=96") == {"H618"}


def test_a_value_of_several_holes_without_a_case_refuses_the_candidate(read: Read) -> None:
    let = "let: {a: {choose: [1, 2]}, b: {choose: [1, 3]}, both: {tie: a, times: b}}"
    space = read(f"{let}\nstages: {{0: {{depth: {{tie: both, cases: {{1: 5, 2: 6, 3: 7}}}}}}}}")
    found: list[object] = []
    for choice in ([0, 0], [1, 0], [0, 1], [1, 1]):
        try:
            found.append(space.value(("stages", 0, "depth"), choice))
        except Refused as refused:
            found.append(refused.code)
    assert found == [5, 6, 7, "H611"]


def test_a_hole_in_a_case_inside_another_case_of_the_same_name_never_exists(read: Read) -> None:
    inner = "{tie: n, cases: {1: {choose: [1, 2]}, 2: {choose: [3, 4, 5]}}}"
    space = read(f"let: {{n: {{choose: [1, 2]}}}}\nstages: {{0: {{depth: {{tie: n, cases: {{1: {inner}, 2: 9}}}}}}}}")
    assert [hole.conditions for hole in space.holes[1:]] == [((0, frozenset({0})),), ((0, frozenset()),)]
    assert space.points == 2 + 1
    assert not space.active(np.array([[0, 0, 2], [1, 0, 2]], dtype=np.int32))[:, 2].any()


def test_a_number_and_a_truth_are_different_options(read: Read) -> None:
    assert codes(read, "mlp_ratio: {choose: [1, true]}") == {"H103"}
    assert codes(read, "mlp_ratio: {choose: [1, 1.0]}") == {"H604"}


def test_a_tie_that_comes_out_for_one_pair_of_options_is_no_problem(read: Read) -> None:
    """Whichever pairs are tried first: only all of them say that it never does."""
    text = "let: {a: {choose: [96, 7, 11]}, b: {choose: [5, 13, 48]}}\nstages: {0: {heads: {tie: a, over: b}}}"
    space = read(text)
    assert space.value(("stages", 0, "heads"), [0, 2]) == 2
    assert codes(read, text.replace("48", "49")) == {"H618"}
    wrong = "let: {a: {choose: [10, 20]}, b: {choose: [3000, 5000]}}\nstages: {0: {heads: {tie: a, times: b}}}"
    assert read(wrong).points == 4
    assert codes(read, wrong.replace("3000", "9000").replace("5000", "8000")) == {"H104"}


def test_a_tie_of_too_many_choices_to_try_is_left_to_the_candidates(read: Read) -> None:
    text = "let: {a: {range: [2000, 3000]}, b: {range: [10001, 10100]}}\nstages: {0: {heads: {tie: a, over: b}}}"
    assert read(text).points == 1001 * 100


@pytest.mark.parametrize(("name", "near"), [("hiera_bb", "hiera_b_around"), ("swin_tt", "swin_t"), ("nothing", None)])
def test_a_space_that_is_not_there_is_told_with_the_nearest_space_or_else_spec(name: str, near: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        load_space(name)
    (problem,) = caught.value.diagnostics
    assert problem.message == f"no space named '{name}'"
    lists = "`hiera specs` lists the names"
    assert str(problem.help) == (f"did you mean '{near}'? {lists}" if near else lists)
