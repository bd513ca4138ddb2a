"""Prices of masked autoencoders are the compiler's, refusals its first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hiera_compiler as hc
from hiera_compiler.estimate.predict import predict
from hiera_compiler.estimate.profiles import Profile, profiles_for
from hiera_search.space import load_space
from hiera_search.table import Table, Whole
from tests.support.table_oracle import every_choice

SPACE = """
extends: hiera_t
name: decoders
input: {size: {choose: [96, 64]}}
stages: {2: {depth: {choose: [5, 7]}}}
mae:
  mask_ratio: {choose: [0.6, 0.99]}
  decoder: {depth: 1, channels: 64, heads: {choose: [4, 5]}}
"""


@pytest.fixture
def profile() -> Profile:
    return next(one for one in profiles_for("a100-40gb") if one.regime.name == "compiled-half")


def test_every_price_is_that_of_the_autoencoder(tmp_path: Path, profile: Profile) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    space = load_space(str(tmp_path / "space.yaml"))
    choices = every_choice(space)
    table = Whole(space, "mae", profile, batch=3)
    found = table.price(choices)
    assert {table.codes[code] for code in found.refused.tolist()} == {"", "H340", "H341"}
    lawful = np.flatnonzero(found.refused == 0)
    assert len(lawful) == 4
    changes = ["mae.decoder={depth: 1, channels: 64, heads: 4}", "input.size=64", "stages.2.depth=5"]
    expected = hc.compile("hiera_t", changes, "mae")
    row = next(row for row in lawful if found.macs[row] == expected.cost.macs)
    assert found.params[row] == expected.cost.params
    assert found.latency_ms[row] == predict(expected.graph, profile, 3).latency_ms
    assert found.macs[found.refused > 0].sum() == 0


def test_holes_of_pretraining_do_nothing_to_the_price_of_a_classifier(tmp_path: Path, profile: Profile) -> None:
    (tmp_path / "space.yaml").write_text(SPACE.replace("choose: [0.6, 0.99]", "choose: [0.6, 0.5]"))
    space = load_space(str(tmp_path / "space.yaml"))
    found = Table(space, profile).price(every_choice(space))
    lawful = found.refused == 0
    assert lawful.sum() == 8
    assert len(set(found.macs[lawful].tolist())) == 4


def test_classifiers_have_the_prices_of_the_table(tmp_path: Path, profile: Profile) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    space = load_space(str(tmp_path / "space.yaml"))
    whole, parts = (
        made.price(every_choice(space)) for made in (Whole(space, "classify", profile), Table(space, profile))
    )
    for name in ("params", "macs", "flops", "memory", "capacity", "latency"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name
