"""Whatever a space holds: a Space or a SpecError, in bounded time."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiera_compiler.diagnostics import SpecError, render
from hiera_search.space import Space, load_space

LIMITED = settings(deadline=20_000, max_examples=80, suppress_health_check=list(HealthCheck))
SPACE = """\
extends: hiera_b
name: x
let: {a: {choose: [1, 2]}, b: {tie: a, times: 2}, c: {range: [1, 2.5, 0.5]}}
stages:
  0: {depth: {tie: b}, heads: {tie: a, cases: {1: 1, 2: {choose: [2, {tie: b, over: 2}]}}}}
  1: {pool: {choose: [none, {kind: max, stride: {tie: a}}]}, mlp_ratio: {tie: c}}
"""
WORDS = [
    *("choose", "range", "tie", "times", "over", "cases", "let", "kind", "a", "b", "stages", "name", "depth", "max"),
    *(": ", ", ", "[", "]", "{", "}", "{choose: [1, 2]}", "{tie: a}", "1", "0", "-1", "1e300", ".nan", ".inf", "1.5"),
    *("null", "true", "''", "&x ", "*x", "extends: hiera_image", "\n", "  "),
]


def check(text: str, folder: Path, *given: str) -> Space | None:
    file = folder / "x.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        space = load_space(str(file), given)
    except SpecError as error:
        problems = error.diagnostics
    else:
        assert space.points >= 1
        return space
    assert problems
    assert render(problems)
    return None


@LIMITED
@given(st.integers(0, len(SPACE)), st.integers(0, 12), st.lists(st.sampled_from(WORDS), max_size=5).map("".join))
def test_any_mutation_of_a_space_is_read_or_refused(tmp_path: Path, start: int, length: int, piece: str) -> None:
    check(SPACE[:start] + piece + SPACE[start + length :], tmp_path)


SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [0, 1, 2, -1, 0.5, 10**30, float("nan"), float("inf"), None, True, "", "a", "b", "max", "none", "global"]
)
KEYS = st.sampled_from(
    [
        "choose",
        "range",
        "tie",
        "times",
        "over",
        "cases",
        "kind",
        "a",
        "b",
        "depth",
        "pool",
        "stride",
        "heads",
        "1",
        1,
        0,
    ]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


@LIMITED
@given(
    st.dictionaries(st.sampled_from(["a", "b", "c", 1]), VALUES, max_size=3) | VALUES,
    VALUES,
    st.dictionaries(st.integers(0, 4) | KEYS, VALUES, max_size=2) | VALUES,
    st.sampled_from(["mask_unit", "drop_path", "head", "name", "norm", "input"]),
)
def test_any_data_with_holes_is_read_or_refused(tmp_path: Path, let: Any, one: Any, stages: Any, key: str) -> None:
    data = {"extends": "hiera_b", "name": "x", "let": let, "stages": stages, key: one}
    check(yaml.safe_dump(data), tmp_path)


@LIMITED
@given(st.lists(st.sampled_from([*WORDS, ".", "=", "--set", "stages.0.depth", "let.a"]), max_size=6).map("".join))
def test_any_setting_is_applied_or_refused(tmp_path: Path, setting: str) -> None:
    check(SPACE, tmp_path, setting)


def named(bodies: dict[str, str], use: str) -> str:
    lines = "".join(f"  {name}: {body}\n" for name, body in bodies.items())
    return f"extends: hiera_b\nname: x\nlet:\n{lines}mask_unit: {use}\n"


def chain(body: str, length: int, first: str = "2") -> dict[str, str]:
    return {"n0": first} | {f"n{index}": body.replace("@", f"n{index - 1}") for index in range(1, length)}


HOSTILE = {
    "a long chain of ties": (named(chain("{tie: @}", 5000), "{tie: n4999}"), {"H616"}),
    "a chain of squares": (named(chain("{tie: @, times: @}", 60), "{tie: n59}"), {"H616"}),
    "a chain of doubled lists": (named(chain("[{tie: @}, {tie: @}]", 40), "{tie: n39}"), {"H616"}),
    "a chain of options": (named(chain("{choose: [{tie: @}, {tie: @, times: 2}]}", 40), "{tie: n39}"), None),
    "large numbers": (named(chain("{tie: @, times: @}", 8, str(10**9)), "{tie: n7}"), {"H618"}),
    "small numbers": (named(chain("{tie: @, times: @}", 8, "1e-200"), "{tie: n7}"), {"H618"}),
    "a circle of thousands": (named(chain("{tie: @}", 5000, "{tie: n4999}"), "{tie: n1}"), {"H606"}),
    "a wide range": (named({"a": "{range: [1, 1e300]}"}, "{tie: a}"), {"H603"}),
    "a range of crumbs": (named({"a": "{range: [0, 1, 1e-300]}"}, "{tie: a}"), {"H603"}),
    "many holes": (named({"a": f"[{'{choose: [1, 2]}, ' * 3000}]"}, "{tie: a}"), {"H603"}),
    "many options in all": (named({"a": f"[{'{range: [1, 9999]}, ' * 100}]"}, "{tie: a}"), {"H603"}),
    "deep options": (named({"a": "{choose: [" * 40 + "1" + "]}" * 40}, "{tie: a}"), {"H616", "H011"}),
    "many cases": (
        named(
            {
                "a": "{range: [1, 5000]}",
                "b": f"{{tie: a, cases: {{{', '.join(f'{n}: {n}' for n in range(1, 5001))}}}}}",
            },
            "{tie: b}",
        ),
        None,
    ),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_space_is_read_or_refused_and_told_shortly(name: str, tmp_path: Path) -> None:
    text, codes = HOSTILE[name]
    (tmp_path / "x.yaml").write_text(text)
    try:
        load_space(str(tmp_path / "x.yaml"))
    except SpecError as error:
        found = error
    else:
        assert codes is None
        return
    if codes is not None:
        assert {problem.code for problem in found.diagnostics} <= codes
    assert len(str(found)) < 50_000


def test_a_space_of_a_billion_billion_points_is_counted_exactly(tmp_path: Path) -> None:
    stages = ", ".join(
        f"{index}: {{depth: {{range: [1, 1000]}}, mlp_ratio: {{range: [1, 4, 0.001]}}}}" for index in range(4)
    )
    space = check(f"extends: hiera_b\nname: x\nstages: {{{stages}}}\n", tmp_path)
    assert space is not None
    assert space.points == 1000**4 * 3001**4 > 10**18


def test_holes_that_depend_on_each_other_in_every_pair_are_refused(tmp_path: Path) -> None:
    names = {f"a{index}": "{choose: [1, 2, 3]}" for index in range(19)}
    holes = [
        f"{{tie: {one}, cases: {{1: {{tie: {other}, cases: {{1: {{choose: [1, 2]}}, 2: 1, 3: 1}}}}, 2: 1, 3: 1}}}}"
        for one, other in combinations(names, 2)
    ]
    (tmp_path / "x.yaml").write_text(named(names, f"[{', '.join(holes)}]"))
    with pytest.raises(SpecError) as caught:
        load_space(str(tmp_path / "x.yaml"))
    assert [problem.code for problem in caught.value.diagnostics] == ["H615"]
