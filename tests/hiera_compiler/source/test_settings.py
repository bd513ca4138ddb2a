"""`--set`: values changed from the command line."""

from typing import Any

import pytest

from hiera_compiler import bundled
from hiera_compiler.diagnostics import Diagnostic, SpecError
from hiera_compiler.source import Source, load, read_text, with_settings

BASE = read_text("name: x\nhead: {classes: 10}\nstages:\n- {depth: 1, pool: max}\n- {depth: 2}\n", "x.yaml")


def problems(*settings: str) -> list[Diagnostic]:
    with pytest.raises(SpecError) as caught:
        with_settings(BASE, settings)
    return list(caught.value.diagnostics)


def at(source: Source, *path: str | int) -> Any:
    value = source.data
    for part in path:
        value = value[part]
    return value


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("stages.1.depth=18", ("stages", 1, "depth"), 18),
        ("stages.01.depth=18", ("stages", 1, "depth"), 18),
        ("stages.0.pool.stride=3", ("stages", 0, "pool"), {"kind": "max", "stride": 3}),
        ("stages.0.pool.kind=mean", ("stages", 0, "pool"), {"kind": "mean"}),
        ("head={kind: linear, classes: 5}", ("head",), {"kind": "linear", "classes": 5}),
        ("head.dropout=1e-1", ("head",), {"classes": 10, "dropout": 0.1}),
        ("new.deep.key=a b", ("new", "deep", "key"), "a b"),
        ("name=no", ("name",), "no"),
        ("name='a=b'", ("name",), "a=b"),
        ("name=a=b", ("name",), "a=b"),
        ("name=''", ("name",), ""),
        ("head=null", ("head",), None),
        ("stages=[1, 2]", ("stages",), [1, 2]),
    ],
)
def test_a_setting_puts_its_value(setting: str, path: tuple[str | int, ...], value: Any) -> None:
    before = BASE.data["stages"][0]["pool"]
    assert at(with_settings(BASE, [setting]), *path) == value
    assert BASE.data["stages"][0]["pool"] == before


def test_settings_apply_in_order() -> None:
    source = with_settings(BASE, ["stages=[{depth: 1}]", "stages.0.depth=2", "stages.0.depth=3"])
    assert source.data["stages"] == [{"depth": 3}]


def test_a_whole_number_key_is_found() -> None:
    source = read_text("stages: {2: {depth: 1}}", "x")
    assert with_settings(source, ["stages.2.depth=9"]).data == {"stages": {2: {"depth": 9}}}


def test_places_are_in_the_setting() -> None:
    source = with_settings(BASE, ["stages.1.pool={kind: max}"])
    key, value = source.key(("stages", 1, "pool")), source.value(("stages", 1, "pool"))
    assert (key.text.name, key.text.content) == ("--set", "stages.1.pool={kind: max}")
    assert (key.column, key.end_column) == (10, 14)
    assert (value.column, value.end_column) == (15, 26)
    assert source.value(("stages", 1, "pool", "kind")).column == 22
    assert with_settings(BASE, ["stages.1.depth=3"]).key(("stages", 1, "depth")).text.name == "--set"
    assert source.key(("stages",)).text.name == "x.yaml"
    assert source.value(("stages", 1, "depth")).text.name == "x.yaml"


@pytest.mark.parametrize(
    ("setting", "code", "column", "width"),
    [
        ("stages.2.depth", "H030", 1, 14),
        ("", "H030", 1, 1),
        ("=3", "H030", 1, 1),
        ("a..b=3", "H030", 3, 1),
        ("a.b c=3", "H030", 3, 3),
        ("a.b=", "H030", 5, 1),
        ("a.b= # c", "H030", 5, 1),
        ("extends=hiera_l", "H032", 1, 7),
        ("stages.2.depth=1", "H024", 8, 1),
        ("stages.depth=1", "H024", 8, 5),
        ("stages.-1.depth=1", "H030", 8, 2),
        ("stages.99999999999.depth=1", "H024", 8, 11),
        ("head.classes.a=1", "H031", 14, 1),
        ("name=[1", "H008", 8, 1),
        ("name=!x 1", "H014", 6, 4),
        ("name={a: 1, a: 2}", "H016", 13, 1),
        ("name=\udc80", "H006", 6, 1),
        (".".join("a" * 65) + "=1", "H030", 129, 1),
        ("a=" + "[" * 100, "H011", 67, 1),
    ],
)
def test_each_refusal_has_its_code_and_place(setting: str, code: str, column: int, width: int) -> None:
    (problem,) = problems(setting)
    assert problem.code == code
    assert problem.span is not None
    assert problem.span.text.name == "--set"
    assert (problem.span.line, problem.span.column) == (1, column)
    assert problem.span.end_column - problem.span.column == width


def test_a_value_without_parts_is_shown_in_its_file() -> None:
    (problem,) = problems("head.classes.a=1")
    assert problem.message == "the number 10 has nothing inside to set"
    assert problem.labels[1].span == BASE.value(("head", "classes"))


def test_the_problems_of_all_settings_come_at_once() -> None:
    assert [problem.code for problem in problems("a", "b=[", "stages.9=1")] == ["H030", "H008"]
    assert [problem.code for problem in problems("stages.9=1", "head.classes.x=1")] == ["H024", "H031"]


def test_problems_of_the_file_and_the_settings_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "names", lambda: ["hiera_b"])
    with pytest.raises(SpecError) as caught:
        load("hiera_zzz", ["a"])
    assert [problem.code for problem in caught.value.diagnostics] == ["H030", "H001"]
