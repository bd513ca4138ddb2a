"""Codes, their explanations, and suggestions."""

from collections.abc import Iterator

import pytest

from hiera_compiler.diagnostics import code, codes, did_you_mean, explanation, quoted
from hiera_compiler.diagnostics import codes as _listing
from hiera_compiler.diagnostics.codes import _makers


@pytest.fixture(autouse=True)
def own_codes() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = dict(_makers)
    yield
    _makers.clear()
    _makers.update(before)


def test_the_docstring_of_the_maker_is_the_explanation() -> None:
    @code("H998")
    def maker() -> None:
        """A title.

        What it means:
            indented
        """

    assert explanation("H998") == "A title.\n\nWhat it means:\n    indented"
    assert codes()["H998"] == "A title."
    assert list(_listing()) == sorted(_listing())


def test_a_code_belongs_to_one_maker() -> None:
    @code("H998")
    def first() -> None:
        """One."""

    def second() -> None:
        """Two."""

    with pytest.raises(ValueError, match=r"H998 already belongs to .*first"):
        code("H998")(second)


def test_a_maker_explains_itself() -> None:
    def silent() -> None:
        pass

    with pytest.raises(ValueError, match="silent needs a docstring"):
        code("H998")(silent)


@pytest.mark.parametrize("name", ["E001", "H1", "H0001", "h001", "H001 "])
def test_a_code_is_h_and_three_digits(name: str) -> None:
    with pytest.raises(ValueError, match="H and three digits"):
        code(name)


def test_an_unknown_code_has_no_explanation() -> None:
    with pytest.raises(KeyError):
        explanation("H997")


@pytest.mark.parametrize(
    ("word", "choice"),
    [("hiera_bb", "hiera_b"), ("dpeth", "depth"), ("DEPTH", "depth"), ("mx", "max"), ("zebra", None), ("", None)],
)
def test_the_closest_choice_is_suggested(word: str, choice: str | None) -> None:
    assert did_you_mean(word, ["hiera_b", "depth", "max", "heads"]) == choice


def test_no_suggestion_is_sought_for_a_page_of_text() -> None:
    assert did_you_mean("x" * 100_000, ["x" * 100_000]) is None


def test_a_quoted_word_is_cut() -> None:
    assert quoted("a") == "'a'"
    assert quoted("x" * 61) == f"'{'x' * 60}…'"
