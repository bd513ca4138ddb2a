import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hiera_compiler as hc
from hiera_compiler.diagnostics import Diagnostic
from hiera_search.accuracy import read_rows
from hiera_search.accuracy.rows import MAX_BYTES, MAX_ROWS


def problems(folder: Path, content: str | bytes) -> list[Diagnostic]:
    file = folder / "rows.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(hc.SpecError) as caught:
        read_rows(file)
    return list(caught.value.diagnostics)


def places(found: list[Diagnostic]) -> list[tuple[str, int, int]]:
    return [(one.code, one.span.line, one.span.column) for one in found if one.span is not None]


def test_reads_specs_settings_and_recipes(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: hiera_b\nname: mine\nhead: {classes: 10}\n")
    file = tmp_path / "rows.csv"
    file.write_text(
        "# trained in spring\n"
        "Recipe, metric ,spec,set\n"
        "short, 81.5 ,hiera_b,\n"
        '\n"short","82","hiera_b","stages.2.depth=18; mask_unit=[8, 8]"\n'
        "long,-3e1,./mine.yaml,\n"
    )
    rows = read_rows(file)
    assert rows.metric.tolist() == [81.5, 82.0, -30.0]
    assert rows.recipes == ("short", "short", "long")
    assert [one.spec.stages[2].depth for one in rows.compilations] == [16, 18, 16]
    assert rows.compilations[2].spec.name == "mine"
    assert rows.features.capacity.tolist() == [9216, 9984, 9216]


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"\xef\xbb\xbfspec,metric\r\nhiera_t,1\r\nhiera_b,2\r\n")
    assert read_rows(file).metric.tolist() == [1.0, 2.0]


def test_all_problems_are_shown_at_once_each_at_its_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        'spec,metric\nhiera_q,1\nhiera_b,nan,3\nhiera_t, n.a.\nhiera_s,4\n"hiera_s", 5\n"hiera_b,3\nhiera_l,inf\n',
    )
    assert places(found) == [
        ("H645", 2, 1),
        ("H642", 3, 1),
        ("H644", 4, 10),
        ("H646", 6, 1),
        ("H643", 7, 1),
        ("H644", 8, 9),
    ]
    twice = found[3].labels[1].span
    assert (twice.line, twice.column) == (5, 1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("spec,metrc", [("H641", 1, 6), ("H641", 1, 1)]),
        ("metric", [("H641", 1, 1)]),
        ("spec,metric,spec", [("H641", 1, 13)]),
        ("", [("H641", 1, 1), ("H641", 1, 1)]),
        ("spec;metric", [("H641", 1, 1), ("H641", 1, 1), ("H641", 1, 1)]),
    ],
)
def test_columns_are_named(tmp_path: Path, header: str, expected: list[tuple[str, int, int]]) -> None:
    assert sorted(places(problems(tmp_path, header + "\n"))) == sorted(expected)


def test_misspelt_column_is_suggested(tmp_path: Path) -> None:
    assert problems(tmp_path, "spec,metrc\n")[0].help == "did you mean 'metric'?"


@pytest.mark.parametrize("word", ["", "nan", "-inf", "1e300", "82,5", "82.5%", "1_000", "0x10", "t rue"])
def test_only_plain_finite_numbers_are_metrics(tmp_path: Path, word: str) -> None:
    assert [one.code for one in problems(tmp_path, f'spec,metric\nhiera_b,"{word}"\n')] == ["H644"]


def test_problem_inside_a_spec_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("extends: hiera_b\nname: bad\nstages: {2: {heads: 5}}\n")
    (found,) = problems(tmp_path, "spec,metric\nbad.yaml,1\n")
    assert found.notes[0].startswith("H201: 5 heads do not divide 384 channels (")
    assert found.notes[0].endswith("bad.yaml:3:21)")


def test_same_architecture_under_another_recipe_is_another_row(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("spec,metric,recipe\nhiera_b,1,a\nhiera_b,2,b\n")
    assert len(read_rows(file)) == 2


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path, Path("/dev/zero"), Path("a\0b"), tmp_path / ("x" * 5000)):
        with pytest.raises(hc.SpecError) as caught:
            read_rows(path)
        assert [one.code for one in caught.value.diagnostics] == ["H640"]


def test_text_that_is_none_is_refused(tmp_path: Path) -> None:
    assert [one.code for one in problems(tmp_path, b"spec,metric\nhiera_b,\xff\n")] == ["H640"]


def test_huge_files_and_too_many_rows_are_refused_before_a_spec_is_read(tmp_path: Path) -> None:
    assert [one.code for one in problems(tmp_path, b"x" * (MAX_BYTES + 1))] == ["H640"]
    found = problems(tmp_path, "spec,metric\n" + "hiera_b,1\n" * (MAX_ROWS + 1))
    assert places(found) == [("H649", MAX_ROWS + 2, 1)]


WORDS = st.one_of(
    st.sampled_from(["hiera_b", "spec", "metric", "set", "1.5", "nan", '"', ",", "\n", "\r", "#", ";", "../x", "a=b"]),
    st.text(max_size=8),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.lists(WORDS, max_size=25).map("".join), has_header=st.booleans())
def test_any_text_is_read_or_refused_by_a_diagnostic(tmp_path: Path, content: str, has_header: bool) -> None:
    file = tmp_path / "rows.csv"
    text = "spec,metric,set\n" * has_header + content
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(hc.SpecError):
        read_rows(file)
