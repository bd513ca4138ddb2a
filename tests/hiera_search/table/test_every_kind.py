"""Every kind is searchable, those of other packages too: the table prices them, and pairs, as the compiler does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from hiera_compiler.estimate.profiles import all_profiles
from hiera_compiler.kinds import kinds_of
from hiera_compiler.kinds.choice import required_options
from hiera_compiler.pipeline import Task
from tests.support.table_oracle import assert_prices_are_exact, every_choice, space_of

REGIMES = {"compiled" if profile.regime.compiled else "eager": profile for profile in all_profiles()}

PRETRAINED = {"mask_ratio": 0.5, "decoder": {"depth": 1, "channels": 8, "heads": 2}}


def kinds(group: str, **options: Any) -> list[Any]:
    """Every kind of a group, with the examples of what it requires, and with those options that it has."""
    found = []
    for name, kind in kinds_of(group).items():
        examples = {one: (kind.model_fields[one].examples or [None])[0] for one in required_options(kind)}
        own = {option: value for option, value in options.items() if option in kind.model_fields}
        found.append({"kind": name, **examples, **own})
    return found


@pytest.mark.parametrize("mask_unit", [4, "none"])
@pytest.mark.parametrize("profile", [None, all_profiles()[0]], ids=["counts", "time"])
def test_every_pair_of_attention_and_pooling_is_priced_exactly(mask_unit: Any, profile: Any, tmp_path: Path) -> None:
    shifted = [kind for kind in kinds("attention", shift=True, relative_bias=True) if "shift" in kind]
    pooled_first = [kind for kind in kinds("attention", pool_first=True) if "pool_first" in kind]
    stage = {"heads": 2, "attention": {"choose": [*kinds("attention"), *shifted, *pooled_first]}}
    skip = {"choose": ["projection", "pooled_projection", "max_and_mean"]}
    data = {
        "name": "every",
        "input": {"size": 16},
        "patch": {"kernel": 2, "stride": 2},
        "position": "absolute",
        "mask_unit": mask_unit,
        "stages": [
            stage | {"depth": {"choose": [1, 4]}, "channels": 8},
            stage
            | {"depth": {"choose": [1, 3]}, "channels": 16, "pool": {"choose": ["none", *kinds("pool")]}, "skip": skip},
        ],
        "head": {"classes": 3},
    }
    space = space_of(data, tmp_path)
    choices = every_choice(space)
    refused = assert_prices_are_exact(space, choices[:: max(1, len(choices) // 150)], profile, 2)
    assert "" in refused


@pytest.mark.parametrize("profile", REGIMES.values(), ids=REGIMES)
def test_every_pair_of_attention_and_pooling_is_priced_exactly_in_autoencoders(profile: Any, tmp_path: Path) -> None:
    stage = {"heads": 2, "depth": 2, "attention": {"choose": kinds("attention")}}
    pool = {"choose": ["none", *kinds("pool")]}
    data = {
        "name": "every",
        "input": {"size": 16},
        "patch": {"kernel": 2, "stride": 2},
        "position": "absolute",
        "mask_unit": 4,
        "stages": [
            {"heads": 1, "depth": 1, "channels": 8, "attention": "mask_unit"},
            stage | {"channels": 8, "pool": pool},
            stage | {"channels": 16, "pool": pool, "first_attention": "own"},
        ],
        "mae": PRETRAINED,
    }
    space = space_of(data, tmp_path)
    choices = every_choice(space)
    assert "" in assert_prices_are_exact(space, choices[:: max(1, len(choices) // 120)], profile, 2, "mae")


@pytest.mark.parametrize("profile", [None, *REGIMES.values()], ids=["counts", *REGIMES])
def test_every_neck_is_priced_exactly_with_a_head_and_without(profile: Any, tmp_path: Path) -> None:
    necks = ["none", *kinds("neck"), *kinds("neck", norm="layer_norm", extra="none"), *kinds("neck", norm="layer_norm")]
    necks.append({"kind": "feature_pyramid", "stages": [0, 2]})
    necks = [neck for place, neck in enumerate(necks) if neck not in necks[:place]]  # not all kinds have options
    data = {
        "name": "every",
        "input": {"size": {"choose": [16, 24]}},
        "patch": {"kernel": 2, "stride": 2},
        "position": "absolute",
        "mask_unit": 4,
        "stages": [
            {"heads": 1, "attention": "mask_unit", "depth": 1, "channels": {"choose": [8, 12]}},
            {"heads": 1, "attention": "mask_unit", "depth": 2, "channels": 12, "pool": {"choose": ["none", "max"]}},
            {"heads": 1, "attention": "global", "depth": {"choose": [1, 2]}, "channels": 16, "pool": "max"},
        ],
        "neck": {"choose": necks},
        "head": {"choose": ["none", {"classes": 3}]},
    }
    space = space_of(data, tmp_path)
    choices = every_choice(space)
    # An odd step: an even one would meet one value only of a hole with two.
    refused = assert_prices_are_exact(space, choices[::5], profile, 2)
    assert refused == {"", "H352"}


def test_blocks_that_attend_globally_among_others_are_priced_exactly(tmp_path: Path) -> None:
    stage = {"depth": {"choose": [2, 4]}, "channels": 8, "heads": 2, "attention": {"kind": "window", "window": 4}}
    places = {"choose": [[], [0], [1], [0, 3]]}
    data = {
        "name": "every",
        "input": {"size": 16},
        "patch": {"kernel": 2, "stride": 2},
        "position": "absolute",
        "mask_unit": "none",
        "stages": [stage | {"global_at": places}, stage | {"pool": "max", "global_at": places}],
    }
    space = space_of(data, tmp_path)
    assert assert_prices_are_exact(space, every_choice(space), None, 2) == {"", "H211"}


@pytest.mark.parametrize("task", get_args(Task))
@pytest.mark.parametrize("frames", ["none", 4])
@pytest.mark.parametrize("profile", [None, *REGIMES.values()], ids=["counts", *REGIMES])
def test_every_position_norm_and_activation_is_priced_exactly(
    frames: Any, profile: Any, task: Task, tmp_path: Path
) -> None:
    data = {
        "name": "every",
        "input": {"size": 16, "frames": frames},
        "patch": {"kernel": 2, "stride": 2, "norm": {"choose": [False, True]}},
        "position": {"choose": kinds("position")},
        "mask_unit": 4,
        "stages": [
            {"heads": 2, "attention": "mask_unit", "depth": 2, "channels": {"choose": [8, 12]}},
            {"heads": 2, "attention": "global", "depth": 1, "channels": 16, "pool": "max"},
        ],
        "norm": {"choose": kinds("norm")},
        "activation": {"choose": kinds("activation")},
        "head": {"classes": 3},
        "mae": PRETRAINED,
    }
    space = space_of(data, tmp_path)
    refused = assert_prices_are_exact(space, every_choice(space), profile, 2, task)
    assert refused == {"", "H203" if frames == "none" else "H209"}
