"""The text format: what a person sees."""

import pytest

from hiera_compiler.diagnostics import Diagnostic, Label, Span, SpecError, Text, render

SPEC = Text("specs/x.yaml", "name: x\nmask_unit: 4\n" + "\n" * 7 + "  - {depth: 2, pool: {kind: max, stride: 2}}\n")


def at(text: Text, line: int, column: int, width: int = 1) -> Span:
    return Span(text, line, column, line, column + width)


def marked(content: str, column: int, width: int = 1) -> list[str]:
    """The source line and the line of its mark."""
    label = Label(at(Text("x", content), 1, column, width))
    return render([Diagnostic("H000", "m", (label,))]).splitlines()[3:5]


def test_a_diagnostic_shows_places_and_help_like_rustc() -> None:
    diagnostic = Diagnostic(
        "H301",
        "the mask unit has side 1 here and cannot be pooled by 2",
        (Label(at(SPEC, 10, 42), "pools a side of 1"), Label(at(SPEC, 2, 12), "the mask unit starts here")),
        help="use a mask unit that is a multiple of 8",
        notes=("three stages pool",),
    )
    assert render([diagnostic]) == (
        "error[H301]: the mask unit has side 1 here and cannot be pooled by 2\n"
        "  --> specs/x.yaml:10:42\n"
        "   |\n"
        " 2 | mask_unit: 4\n"
        "   |            - the mask unit starts here\n"
        "10 |   - {depth: 2, pool: {kind: max, stride: 2}}\n"
        "   |                                          ^ pools a side of 1\n"
        "   = note: three stages pool\n"
        "   = help: use a mask unit that is a multiple of 8"
    )


def test_a_second_file_has_its_own_excerpt() -> None:
    other = Text("base.yaml", "a: 1\n")
    labels = (Label(at(SPEC, 1, 1), "here"), Label(at(other, 1, 4), "and there"))
    text = render([Diagnostic("H000", "m", labels)])
    assert " --> specs/x.yaml:1:1\n" in text
    assert " ::: base.yaml:1:4\n  |\n1 | a: 1\n  |    - and there" in text


def test_two_labels_share_one_source_line() -> None:
    labels = (Label(at(SPEC, 2, 12), "second"), Label(at(SPEC, 2, 1, 9), "first"))
    text = render([Diagnostic("H000", "m", labels)])
    assert text.count("mask_unit: 4") == 1
    assert text.endswith("  | --------- first\n  |            ^ second")


def test_diagnostics_come_in_order_of_file_and_line_with_their_number() -> None:
    found = [
        Diagnostic("H003", "third", (Label(at(SPEC, 2, 1)),)),
        Diagnostic("H002", "second", (Label(at(SPEC, 1, 1)),), severity="warning"),
        Diagnostic("H001", "first"),
    ]
    text = render(found)
    assert text.index("first") < text.index("second") < text.index("third")
    assert text.endswith("\n\n2 errors, 1 warning")
    assert "warning[H002]: second" in text
    assert "error" not in render(found[2:]).splitlines()[-1].removeprefix("error[")


@pytest.mark.parametrize(
    ("content", "column", "shown", "indent"),
    [
        ("\ta: b", 5, "    a: b", 7),
        ("日本: b", 5, "日本: b", 6),
        ("e\u0301: b", 5, "e\u0301: b", 3),
        ("a\x1b[2Jb: c", 6, "a\\x1b[2Jb: c", 8),
        ("a\u202eb", 3, "a\\u202eb", 7),
    ],
)
def test_a_mark_stands_under_its_character(content: str, column: int, shown: str, indent: int) -> None:
    source, mark = marked(content, column)
    assert source == f"1 | {shown}"
    assert mark == f"  | {' ' * indent}^"


@pytest.mark.parametrize("column", [1, 50, 500, 999, 1000])
def test_a_long_line_is_cut_around_the_mark(column: int) -> None:
    content = "x" * (column - 1) + "Y" + "x" * (1000 - column)
    source, mark = marked(content, column)
    assert len(source) <= 4 + 162
    assert source[mark.index("^")] == "Y"
    assert source.endswith("…") == (column < 900)
    assert source[4] == ("x" if 1 < column < 60 else "Y" if column == 1 else "…")


def test_a_mark_longer_than_the_line_ends_with_it() -> None:
    source, mark = marked("x" * 1000, 1, width=1000)
    assert mark.count("^") == 160
    assert len(mark) <= len(source)


def test_a_place_on_several_lines_marks_the_first() -> None:
    text = Text("x", "a: [1,\n  2]")
    shown = render([Diagnostic("H000", "m", (Label(Span(text, 1, 4, 2, 5)),))])
    assert shown.endswith("1 | a: [1,\n  |    ^^^")


def test_a_place_beyond_the_text_is_shown_at_its_end() -> None:
    assert marked("ab", 9) == ["1 | ab", "  |   ^"]
    assert render([Diagnostic("H000", "m", (Label(at(Text("x", "ab"), 7, 1)),))]).endswith("7 |\n  | ^")


def test_an_unread_file_is_named_without_an_excerpt() -> None:
    text = render([Diagnostic("H000", "m", (Label(at(Text("big.yaml", ""), 1, 1)),))])
    assert text == "error[H000]: m\n --> big.yaml"


def test_nothing_a_user_wrote_reaches_the_terminal_raw() -> None:
    name = "\x1b]0;title\x07\n"
    diagnostic = Diagnostic("H000", name, (Label(at(Text(name, name), 1, 1), name),), help=name, notes=(name,))
    assert not set(render([diagnostic])) & {"\x1b", "\x07"}


def test_color_adds_only_escapes() -> None:
    diagnostic = Diagnostic("H000", "m", (Label(at(SPEC, 1, 1), "here"),), help="h")
    colored = render([diagnostic], color=True)
    assert "\x1b[1;31m" in colored
    for escape in ("\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"):
        colored = colored.replace(escape, "")
    assert colored == render([diagnostic])


def test_a_spec_error_reads_as_its_diagnostics() -> None:
    first, second = Diagnostic("H001", "one"), Diagnostic("H002", "two")
    assert SpecError(first).diagnostics == (first,)
    assert str(SpecError(iter([first, second]))) == "error[H001]: one\n\nerror[H002]: two\n\n2 errors"
