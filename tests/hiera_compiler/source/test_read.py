"""Texts: what they mean, and where everything in them is."""

import math
from typing import Any

import pytest
import yaml

from hiera_compiler.diagnostics import Span
from hiera_compiler.source import Path, compose, read_text
from hiera_compiler.source.tree import source_of, tree_of


def there(span: Span) -> str:
    """The text at a place."""
    lines = span.text.lines[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    return "\n".join([lines[0][span.column - 1 :], *lines[1:]])


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-3", 0.001),
        ("1e6", 1e6),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.5E+2", -150.0),
        ("014", 14),
        ("-7", -7),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("no", "no"),
        ("on", "on"),
        ("YES", "YES"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("0b11", "0b11"),
        ("=", "="),
        ("'1'", "1"),
        ('"null"', "null"),
        ("1" * 40, int("1" * 40)),
        ("٣", "٣"),
    ],
)
def test_words_mean_what_yaml_1_2_says(word: str, value: Any) -> None:
    read = read_text(f"a: {word}", "x").data["a"]
    assert read == value
    assert type(read) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(read_text("a: .NaN", "x").data["a"])


TEXT = """\
name: hiera_b   # comment
日本: é è
input: {size: [224, "224"], channels: 3}
stages:
- {depth: 2, pool: max}
- depth: 3
  heads: 4
text: |
  two
  lines
marked: &a "q r"
again: *a
nothing:
pairs: [a: 1 , b: {} ]
lines: {a: 1,
  b: 2}
empty: []
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), None, "name: hiera_b"),
        (("name",), "name", "hiera_b"),
        (("日本",), "日本", "é è"),
        (("input",), "input", '{size: [224, "224"], channels: 3}'),
        (("input", "size"), "size", '[224, "224"]'),
        (("input", "size", 1), None, '"224"'),
        (("input", "channels"), "channels", "3"),
        (("stages",), "stages", "- {depth: 2, pool: max}"),
        (("stages", 0), None, "{depth: 2, pool: max}"),
        (("stages", 0, "pool"), "pool", "max"),
        (("stages", 1), None, "depth: 3"),
        (("stages", 1, "heads"), "heads", "4"),
        (("text",), "text", "|"),
        (("marked",), "marked", '&a "q r"'),
        (("again",), "again", "*a"),
        (("nothing",), "nothing", ""),
        (("pairs",), "pairs", "[a: 1 , b: {} ]"),
        (("pairs", 0), None, "a: 1"),
        (("pairs", 1, "b"), "b", "{}"),
        (("lines",), "lines", "{a: 1,\n  b: 2}"),
        (("empty",), "empty", "[]"),
    ],
)
def test_places_are_exact(path: Path, key: str | None, value: str) -> None:
    for line_break in ("\n", "\r\n", "\r"):
        source = read_text(TEXT.replace("\n", line_break), "x")
        assert there(source.value(path)) == value
        assert there(source.key(path)) == (value if key is None else key)


def test_every_value_has_a_place_and_every_place_a_value() -> None:
    source = read_text(TEXT, "x")
    for path in source.places:
        value = source.data
        for part in path:
            value = value[part]
    assert len(source.places) == 28


def test_an_absent_path_is_placed_at_its_nearest_ancestor() -> None:
    source = read_text(TEXT, "x")
    assert there(source.value(("stages", 1, "pool", "kind"))) == "depth: 3"
    assert there(source.key(("input", "frames"))) == "input"
    assert source.key(("absent",)) == source.value(())


def test_values_repeated_by_an_alias_keep_their_first_place() -> None:
    source = read_text("a: &x {b: 1}\nc: *x", "x")
    assert source.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert source.data["a"] is not source.data["c"]
    assert (source.value(("c",)).line, source.value(("c", "b")).line) == (2, 1)


def test_whole_numbers_are_keys_for_items() -> None:
    assert read_text("stages: {2: {depth: 18}, '3': 1}", "x").data == {"stages": {2: {"depth": 18}, "3": 1}}


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    source = read_text("\ufeffname: x", "x")
    assert source.data == {"name": "x"}
    assert there(source.key(("name",))) == "name"


def test_a_tree_and_its_source_are_the_same() -> None:
    source = read_text(TEXT, "x")
    assert source_of(tree_of(source)) == source


def test_the_parser_in_python_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = read_text(TEXT, "x")
    monkeypatch.setattr(compose, "_LOADER", yaml.SafeLoader)
    assert read_text(TEXT, "x") == fast
