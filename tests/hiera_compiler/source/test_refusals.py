"""Texts and files that are refused: one clear diagnostic each, at the right place."""

import os
import sys
from pathlib import Path

import pytest

from hiera_compiler.diagnostics import Diagnostic, SpecError
from hiera_compiler.source import read_file, read_text


def problems(content: str) -> list[Diagnostic]:
    with pytest.raises(SpecError) as caught:
        read_text(content, "x.yaml")
    return list(caught.value.diagnostics)


def file_problem(path: Path) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        read_file(path)
    (problem,) = caught.value.diagnostics
    return problem


def place(diagnostic: Diagnostic, label: int = 0) -> tuple[int, int]:
    span = diagnostic.labels[label].span
    return span.line, span.column


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        ("", "H007", 1, 1),
        ("# only a comment\n", "H007", 1, 1),
        ("---\n...\n", "H007", 1, 1),
        ("a: 1\n---\nb: 2\n", "H009", 2, 1),
        ("- a\n", "H010", 1, 1),
        ("just words", "H010", 1, 1),
        ("~", "H010", 1, 1),
        ("a: " + "[" * 70, "H011", 1, 67),
        ("a: \x07", "H006", 1, 4),
        ("b: 1\na: x\x00", "H006", 2, 5),
        ("a: \x85", "H006", 1, 4),
        ("a: \u2028", "H006", 1, 4),
        ("a: x\ufeff", "H006", 1, 5),
        ("a: \udc80", "H006", 1, 4),
        ("a: *b", "H013", 1, 4),
        ("a: &b [1, *b]", "H013", 1, 11),
        ("a: !!python/object:os.system {}", "H014", 1, 4),
        ("a: !!set {b}", "H014", 1, 4),
        ("a: ! b", "H014", 1, 4),
        ("a: !foo [1]", "H014", 1, 4),
        ("%TAG ! tag:x,2000:\n---\na: 1", "H014", 1, 1),
        ("a: {b: 1}\n<<: {c: 1}", "H015", 2, 1),
        ("a: 1\nb: 2\na: 3", "H016", 3, 1),
        ("1: a\n0x1: b", "H016", 2, 1),
        ("a: {b: 1, b: 2}", "H016", 1, 11),
        ("null: 1", "H017", 1, 1),
        ("true: 1", "H017", 1, 1),
        ("1.5: 1", "H017", 1, 1),
        ("[a, b]: 1", "H017", 1, 1),
        ("? {a: 1}\n: 1", "H017", 1, 3),
        ("a: " + "9" * 41, "H018", 1, 4),
        ("a: " + "9" * 5000, "H018", 1, 4),
        ("a: 0x" + "f" * 50, "H018", 1, 4),
        ("a: 1e999", "H018", 1, 4),
    ],
)
def test_each_refusal_has_its_code_and_place(content: str, code: str, line: int, column: int) -> None:
    (problem,) = problems(content)
    assert problem.code == code
    assert place(problem) == (line, column)


@pytest.mark.parametrize(
    ("content", "message", "line", "column"),
    [
        ("a: b: c", "a second ': ' where the value of a key was expected", 1, 5),
        ("a: 1\n b: 2", "a second ': ' where the value of a key was expected", 2, 3),
        ("name: x\ndepth 3\nheads: 4", "a line without ': ' between the keys", 2, 1),
        ("a:\n\tb: 1", "a tab is used for indentation", 2, 1),
        ("a: @b", "this character cannot start a value", 1, 4),
        ("\n\na: 'x\n\n", "the quotes opened here never close", 3, 4),
        ('a: "\\q"', "an unknown escape in double quotes", 1, 5),
        ("a: [1, 2\nb: 3\n", "the list is not closed or lacks a ','", 2, 2),
        ("a: [1, 2\n\n\n", "the list is not closed or lacks a ','", 1, 9),
        ("a: {b: 1\nc: 2\n", "the mapping is not closed or lacks a ','", 2, 2),
        ("a: 'b' c", "text after the end of the value", 1, 8),
        ("a:\n  b: 1\n c: 2", "this line does not fit the indent of the keys above", 3, 2),
        ("a:\n - 1\n b: 2", "this line does not fit the indent of the list above", 3, 2),
        ("a: - 1", "a list item '- ' does not fit here", 1, 4),
        ("]", "a value was expected here", 1, 1),
        ("a: &", "an anchor or alias without a name", 1, 5),
        ("%YAML 2.0\n---\na: 1", "a %YAML line that is not version 1.2", 1, 1),
        ("a: |0\n  x", "an indentation indicator of 0", 1, 5),
    ],
)
def test_a_syntax_error_is_in_our_words(content: str, message: str, line: int, column: int) -> None:
    (problem,) = problems(content)
    assert (problem.code, problem.message) == ("H008", message)
    assert place(problem) == (line, column)
    assert problem.help


def test_an_unclosed_list_shows_where_it_starts() -> None:
    (problem,) = problems("a: [1, 2\nb: 3\n")
    assert place(problem, label=1) == (1, 4)
    assert problem.labels[1].message == "the list starts here"


def test_duplicate_key_shows_both_lines() -> None:
    (problem,) = problems("depth: 1\nheads: 2\ndepth: 3\n")
    assert [place(problem, label) for label in (0, 1)] == [(3, 1), (1, 1)]
    assert problem.message == "the key 'depth' is given twice"


def test_all_problems_come_at_once_with_the_syntax_error_last() -> None:
    found = problems("a: !x 1\na: 2\n<<: 3\nnull: *b\nc: 1e999\nd: 'x\n")
    assert [problem.code for problem in found] == ["H014", "H016", "H015", "H017", "H013", "H018", "H008"]


def test_problems_stop_at_fifty() -> None:
    assert len(problems("a: 1\n" * 1000)) == 50


def test_merge_keys_point_to_extends() -> None:
    (problem,) = problems("<<: 1")
    assert "extends" in (problem.help or "")


def test_a_misspelt_alias_is_suggested() -> None:
    (problem,) = problems("a: &unit 1\nb: *untt")
    assert problem.help == "did you mean '*unit'?"


def test_quoted_words_that_look_special_are_plain_keys() -> None:
    assert read_text("'null': 1\n'<': 2\nno: 3", "x").data == {"null": 1, "<": 2, "no": 3}


def test_a_version_line_is_allowed() -> None:
    assert read_text("%YAML 1.2\n---\na: 1\n...\n", "x").data == {"a": 1}


@pytest.mark.parametrize("name", ["hiera.yaml", "hira_b.yml", "missing/x.yaml", "x" * 300 + ".yaml", "a\0.yaml"])
def test_a_missing_file_is_one_diagnostic(tmp_path: Path, name: str) -> None:
    assert file_problem(tmp_path / name).code == "H001"


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "hiera_b.yaml").write_text("name: x")
    problem = file_problem(tmp_path / "hirea_b.yaml")
    assert problem.help is not None
    assert "hiera_b.yaml" in problem.help


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("ablation/c", "did you mean 'ablation/c_no_unit_strides'? `hiera specs ablation` lists the names in it"),
        ("detection/swin", "did you mean 'detection/swin_b'? `hiera specs detection` lists the names in it"),
        ("detections/hiera_b", "did you mean 'detection/hiera_b'?"),
        ("ablation", "`hiera specs ablation` lists the names in it"),
        ("mine/x.yaml", "name a file, or a spec that `hiera specs` lists"),
    ],
)
def test_a_name_that_is_nearly_one_in_a_bundled_folder_suggests_it(name: str, help: str) -> None:
    assert file_problem(Path(name)).help == help


def test_a_folder_suggests_a_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: x")
    problem = file_problem(tmp_path)
    assert (problem.code, problem.message.endswith("is a folder")) == ("H002", True)
    assert "mine.yaml" in (problem.help or "")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
def test_pipes_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    assert file_problem(pipe).code == "H002"
    assert file_problem(Path("/dev/zero")).code == "H002"


def test_the_reason_of_the_system_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "no")

    file = tmp_path / "x.yaml"
    file.write_text("a: 1")
    monkeypatch.setattr(Path, "open", refuse)
    problem = file_problem(file)
    assert problem.code == "H003"
    assert problem.message.endswith("cannot be read: permission denied")


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    with file.open("wb") as opened:
        opened.truncate(1 << 40)
    problem = file_problem(file)
    assert problem.code == "H004"
    assert "1099511627776 bytes" in problem.message


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_text("a: 1\n#".ljust(1 << 20, "x"))
    assert read_file(file).data == {"a": 1}


def test_bytes_that_are_not_utf8_are_located(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("a: é\nb: ".encode() + b"\xe9\n")
    problem = file_problem(file)
    assert problem.code == "H005"
    assert problem.message == "byte 0xe9 at offset 9 is not UTF-8"
    assert place(problem) == (2, 4)
