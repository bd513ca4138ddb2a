"""Recorded broken specs: each file in ``broken`` gives exactly the text recorded beside it.

After a change of wording, ``RECORD=1 pytest tests/hiera_compiler/checks`` writes the texts anew: read them aloud.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import hiera_compiler as hc
from hiera_compiler.diagnostics import codes, explanation
from hiera_compiler.ir import Linear, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds.pool.max_pool import MaxPooling

BROKEN = Path(__file__).parent / "broken"
EXAMPLES = sorted(path.stem for path in BROKEN.glob("H*.yaml"))


def misfit(self: MaxPooling, builder: GraphBuilder, name: str, x: Value, layout: UnitLayout, heads: int = 1) -> Value:
    """What a kind that does not fit might write."""
    return builder.add(name, Linear(x.channels + 1, x.channels), x)


@pytest.fixture
def in_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)


def problems(name: str) -> hc.SpecError:
    with pytest.raises(hc.SpecError) as caught:
        _ = hc.compile(f"./{name}.yaml").graph
    return caught.value


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_broken_spec_gives_its_recorded_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith("H401"):
        monkeypatch.setattr(MaxPooling, "lower", misfit)
    error = problems(name)
    text = f"{error}\n"
    recorded = BROKEN / f"{name}.txt"
    if os.environ.get("RECORD"):
        recorded.write_text(text, encoding="utf-8")
    assert text == recorded.read_text(encoding="utf-8")
    assert name.partition("_")[0] in {found.code for found in error.diagnostics}


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_problem_says_where_it_is_and_what_to_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith("H401"):
        monkeypatch.setattr(MaxPooling, "lower", misfit)
    for found in problems(name).diagnostics:
        assert found.labels
        assert found.help
        assert explanation(found.code)
        words = " ".join([found.message, found.help, *found.notes, *(label.message for label in found.labels)]).lower()
        assert not {"invalid", "please", "pydantic", "input should be"} & {
            word for word in ("invalid", "please", "pydantic", "input should be") if word in words
        }
        assert not found.message.endswith(".")


def test_every_rule_of_form_and_meaning_has_a_recorded_example() -> None:
    rules = {code for code in codes() if "H100" <= code < "H403"}
    assert rules == {name.partition("_")[0] for name in EXAMPLES}
    assert len(rules) >= 19


def test_every_recorded_text_belongs_to_an_example() -> None:
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == EXAMPLES


@pytest.mark.usefixtures("in_folder")
def test_the_base_of_the_examples_is_sound() -> None:
    assert hc.compile("./base.yaml").graph.outputs["logits"]
