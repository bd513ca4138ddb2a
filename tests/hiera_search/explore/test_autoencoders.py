"""Searches over masked autoencoders: what limits are of is the forward pass of pretraining."""

from __future__ import annotations

from pathlib import Path

import pytest

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.pipeline import compile
from hiera_search.accuracy.rungs.capacity import Capacity
from hiera_search.explore import Request, Search, outcome
from hiera_search.explore.regime import choose_profile
from hiera_search.report.spec_file import spec_text

PRETRAINED = """
extends: hiera_t
name: decoders
input: {size: 64}
stages: {2: {depth: {choose: [2, 3]}}}
mae: {decoder: {depth: {choose: [1, 2]}, channels: {choose: [32, 64]}, heads: 4}}
"""


def test_autoencoders_are_searched_by_what_they_cost(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(PRETRAINED)
    changes = ["input.size=64", "stages.2.depth=2", "mae.decoder={depth: 2, channels: 64, heads: 4}"]
    most = compile("hiera_t", changes, "mae").cost.macs
    request = Request(space=str(tmp_path / "space.yaml"), task="mae", gmacs=most / 1e9)
    searching = Search(request, tmp_path / "result")
    found = searching.run(lambda *_: None)
    assert (found.exact, searching.sieve.evaluated) == (True, 8)
    front = outcome(searching, found, "")
    assert front.front
    assert all(one.macs <= most for one in front.front)
    assert "masked autoencoder's forward pass" in front.title
    rows = front.front[0].stages
    assert [row.name for row in rows][-3:] == ["fusion", "decoder", "target"]
    assert [row.pool for row in rows if row.name.startswith("stage")] == [None, "max", "max", None]
    assert "# task        mae: figures are of the masked autoencoder's forward pass" in spec_text(front.front[0], front)
    classified = front.model_copy(update={"regime": front.regime.model_copy(update={"task": "classify"})})
    assert "# task" not in spec_text(front.front[0], classified)


def test_every_autoencoder_of_a_large_space_is_looked_at(tmp_path: Path) -> None:
    more = PRETRAINED.replace("[2, 3]}}}", "[2, 3, 4, 5, 6]}}, 3: {depth: {range: [1, 60]}}}")
    (tmp_path / "space.yaml").write_text(more.replace("heads: 4", "heads: 4}, mask_ratio: {range: [0.5, 0.7, 0.01]"))
    searching = Search(Request(space=str(tmp_path / "space.yaml"), task="mae"), tmp_path / "result")
    found = searching.run(lambda *_: None)
    assert (found.exact, searching.sieve.evaluated) == (True, 25_200)
    assert searching.table.distinct < 400


def test_a_score_of_figures_of_classifiers_is_none_of_autoencoders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Capacity, "of_capacity", False)
    (tmp_path / "space.yaml").write_text(PRETRAINED)
    with pytest.raises(SpecError) as caught:
        Search(Request(space=str(tmp_path / "space.yaml"), task="mae"), tmp_path)
    assert [found.code for found in caught.value.diagnostics] == ["H624"]


def test_the_regime_of_the_released_code_is_none_of_autoencoders() -> None:
    with pytest.raises(SpecError) as caught:
        choose_profile("a100-40gb", "paper-eager-amp", autoencoder=True)
    assert [found.code for found in caught.value.diagnostics] == ["H620"]
