"""Prices of masked autoencoders are added up as those of classifiers are, and are the compiler's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiera_compiler.estimate.profiles import Profile, profiles_for
from hiera_search.table import Table
from tests.support.random_specs import Data
from tests.support.table_oracle import assert_prices_are_exact, every_choice, space_of

PROFILES = {
    profile.regime.name: profile for name in ("a100-40gb", "cpu") for profile in profiles_for(name, autoencoder=True)
}


def choose(*options: Any) -> Data:
    return {"choose": list(options)}


MERGE_OR_SLIDE = choose("merge", {"kind": "average", "kernel": 3, "padding": 1}, "max")
IMAGES: Data = {
    "name": "images",
    "input": {"size": choose(64, [64, 96])},
    "patch": {"kernel": 7, "stride": 4, "padding": 3},
    "position": "absolute",
    "mask_unit": choose([8, 8], [4, 8]),
    "stages": [
        {"depth": choose(1, 3), "channels": choose(8, 12), "heads": 2, "attention": "mask_unit"},
        {"depth": 1, "channels": 16, "heads": 2, "attention": "mask_unit", "pool": "max"},
        {"depth": choose(2, 4), "channels": choose(16, 32), "heads": 4, "attention": "global", "pool": MERGE_OR_SLIDE},
        {"depth": 2, "channels": 32, "heads": 4, "attention": "global", "pool": choose("none", "max")},
    ],
    "norm": choose("layer_norm", {"kind": "layer_norm", "epsilon": 1e-3}),
    "neck": choose("none", "feature_pyramid"),
    "head": choose({"classes": 7}, "none"),
    "mae": {
        "mask_ratio": choose(0.5, 0.6, 0.99),
        "decoder": {"depth": choose(1, 2, 4), "channels": choose(24, 32), "heads": choose(2, 3)},
        "multi_scale": choose(True, False),
        "target": choose("pixel", "hog"),
        "norm_target": choose(True, False),
    },
}
SPACE = {"kind": "max", "stride": [1, 2, 2]}
CLIPS: Data = {
    "name": "clips",
    "input": {"size": [64, 32], "frames": choose(8, 16)},
    "patch": {"kernel": [3, 7, 7], "stride": [2, 4, 4], "padding": [1, 3, 3]},
    "position": "separable",
    "mask_unit": [1, 8, 8],
    "stages": [
        {"depth": 1, "channels": choose(8, 12), "heads": 2, "attention": "mask_unit"},
        {"depth": 2, "channels": 16, "heads": 2, "attention": "mask_unit", "pool": SPACE},
        {"depth": choose(1, 2), "channels": 24, "heads": 4, "attention": "global", "pool": choose(SPACE, "none")},
    ],
    "mae": {
        "decoder": {"depth": choose(1, 3), "channels": 24, "heads": 4},
        "multi_scale": choose(True, False),
        "target": choose("pixel", "hog"),
        "mask_ratio": choose(0.75, 0.5),
    },
}
STRIDES = [None, [2, 1], [1, 2], [2, 1], [1, 2], [2, 1], None]
MANY: Data = {
    "name": "many",
    "input": {"size": [64, 32]},
    "patch": {"kernel": 2, "stride": 2},
    "position": "absolute",
    "mask_unit": [8, 4],
    "stages": [
        {"depth": choose(1, 2), "channels": 8 * 2 ** min(index, 5), "heads": 1, "attention": "mask_unit"}
        | ({"pool": {"kind": "merge", "stride": stride}} if stride else {})
        for index, stride in enumerate(STRIDES)
    ],
    "mlp_ratio": 0.5,
    "mae": {"mask_ratio": choose(0.3, 0.5), "decoder": {"depth": choose(1, 2), "channels": 2, "heads": 1}},
}
"""Ends of many stages are held at once, and each is as large as any: the most memory is taken late."""


@pytest.mark.parametrize("regime", [None, *PROFILES])
@pytest.mark.parametrize("batch", [1, 8, 1024])
@pytest.mark.parametrize("data", [IMAGES, CLIPS, MANY], ids=["images", "clips", "many"])
def test_every_figure_is_the_compilers(data: Data, regime: str | None, batch: int, tmp_path: Path) -> None:
    profile: Profile | None = None if regime is None else PROFILES[regime]
    space = space_of(data, tmp_path)
    random = np.random.default_rng(batch)
    choices = random.integers(space.digits(), size=(8, len(space.holes))).astype(np.int32)
    assert "" in assert_prices_are_exact(space, choices, profile, batch, "mae")


SMALL: Data = {
    "extends": "hiera_t",
    "name": "small",
    "input": {"size": 64},
    "mae": {"mask_ratio": choose(0.6, 0.99), "decoder": {"depth": 1, "channels": 64, "heads": choose(4, 5)}},
}


def test_rules_of_pretraining_refuse_autoencoders_of_specs_that_do_not_say_how(tmp_path: Path) -> None:
    silent = {key: value for key, value in SMALL.items() if key != "mae"}
    attends = {stage: {"attention": "global"} for stage in range(4)}
    space = space_of(silent | {"stages": attends, "mask_unit": choose([8, 8], "none")}, tmp_path)
    assert assert_prices_are_exact(space, every_choice(space), task="mae") == {"H344", ""}
    space = space_of(SMALL, tmp_path)
    assert assert_prices_are_exact(space, every_choice(space), task="mae") == {"", "H340", "H341"}


def test_holes_of_pretraining_do_nothing_to_the_price_of_a_classifier(tmp_path: Path) -> None:
    data = SMALL | {"mae": {"mask_ratio": choose(0.6, 0.5), "multi_scale": choose(True, False)}}
    space = space_of(data | {"input": {"size": choose(96, 64)}}, tmp_path)
    found = Table(space, PROFILES["compiled-half"]).price(every_choice(space))
    assert (found.refused == 0).sum() == 8
    assert len(set(found.macs.tolist())) == 2


def test_decoders_are_worked_out_once_for_trunks_that_end_alike(tmp_path: Path) -> None:
    data = SMALL | {"stages": {2: {"depth": choose(2, 3)}, 1: {"channels": choose(96, 192)}}}
    mae = {"decoder": {"depth": choose(1, 2, 3), "channels": 64, "heads": 4}}
    space = space_of(data | {"mae": mae}, tmp_path)
    table = Table(space, task="mae")
    choices = every_choice(space)
    table.price(choices[:6])
    known = table.distinct
    table.price(choices)
    assert table.distinct - known < 12  # the second trunk's stages and fusion, and no decoder
