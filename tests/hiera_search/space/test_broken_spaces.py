"""Recorded broken spaces: each file in ``broken`` gives exactly the text recorded beside it.

After a change of wording, ``RECORD=1 pytest tests/hiera_search/space`` writes the texts anew: read them aloud.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest

from hiera_compiler.diagnostics import SpecError, codes, explanation
from hiera_search.space import load_space

BROKEN = Path(__file__).parent / "broken"
EXAMPLES = sorted(path.stem for path in BROKEN.glob("H*.yaml"))
# Refusals of single choices, and what only a space far larger than an example runs into.
ELSEWHERE = {"H612", "H613", "H615"}


@pytest.fixture(autouse=True)
def in_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)


def problems(name: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        load_space(f"./{name}.yaml")
    return caught.value


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_broken_space_gives_its_recorded_text(name: str) -> None:
    error = problems(name)
    recorded = BROKEN / f"{name}.txt"
    if os.environ.get("RECORD"):
        recorded.write_text(f"{error}\n", encoding="utf-8")
    assert f"{error}\n" == recorded.read_text(encoding="utf-8")
    assert name.partition("_")[0] in {found.code for found in error.diagnostics}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_problem_says_where_it_is_and_what_to_do(name: str) -> None:
    for found in problems(name).diagnostics:
        assert found.labels
        assert found.help
        assert explanation(found.code)
        assert not found.message.endswith(".")
        words = " ".join([found.message, found.help, *found.notes]).lower()
        assert "invalid" not in words
        assert "please" not in words


def test_every_code_of_spaces_has_a_recorded_example() -> None:
    for module in ("problems", "refusals"):
        import_module(f"hiera_search.space.{module}")
    known = {code for code in codes() if "H600" <= code < "H620"}
    assert known == {name.partition("_")[0] for name in EXAMPLES if name >= "H6"} | ELSEWHERE


def test_every_recorded_text_belongs_to_an_example() -> None:
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == EXAMPLES
