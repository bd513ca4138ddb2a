"""Prices by look-up are the compiler's own figures, to the last digit, for whatever a space may leave open."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiera_compiler.estimate.profiles import Profile, all_profiles
from hiera_search.table import Table
from tests.support.random_specs import RICH_CLIP, RICH_IMAGE, Data
from tests.support.table_oracle import assert_prices_are_exact, every_choice, space_of

PROFILES: dict[str, Profile | None] = {one.name: one for one in all_profiles()} | {"none": None}
SOME = ("none", "a100-40gb/compiled-half", "a100-40gb/paper-eager-amp", "l4/compiled-amp", "cpu/compiled-fp32")


def choose(*options: Any) -> Data:
    return {"choose": list(options)}


def image(*stages: Data, **changes: Any) -> Data:
    base: Data = {
        "name": "x",
        "input": {"size": 64},
        "patch": {"kernel": 7, "stride": 4, "padding": 3},
        "position": "absolute",
        "mask_unit": 8,
        "stages": [{"depth": 1, "channels": 8, "heads": 2, "attention": "mask_unit"} | stage for stage in stages],
        "head": {"classes": 10},
    }
    return base | changes


def opened(data: Data, changes: Data) -> Data:
    """The data with other values at some places."""
    for path, value in changes.items():
        target: Any = data
        *parents, key = path.split(".")
        for part in parents:
            target = target[int(part) if part.isdigit() else part]
        target[key] = value
    return data


WIDE = image(
    {"depth": choose(1, 2), "channels": choose(8, 12), "heads": choose(1, 3)},
    {
        "depth": choose(1, 3),
        "pool": choose("none", "max"),
        "attention": choose("mask_unit", "global"),
        "first_attention": choose("own", "previous"),
        "mlp_ratio": choose(None, 2),
    },
    {"pool": "max", "attention": choose("mask_unit", "global"), "channels": 16},
    input={"size": choose(64, 60)},
)


@pytest.mark.parametrize("name", SOME)
def test_every_point_of_a_space_has_the_figures_of_its_spec(tmp_path: Path, name: str) -> None:
    space = space_of(WIDE, tmp_path)
    choices = every_choice(space)
    some = choices if name == "none" else choices[:: len(choices) // 97]
    assert assert_prices_are_exact(space, some, PROFILES[name], batch=3) == {"", "H201", "H302"}


CLIP = RICH_CLIP | {
    "position": choose("separable", "absolute"),
    "drop_path": choose(0.0, 0.3),
    "norm": choose({"kind": "layer_norm", "epsilon": 1e-3}, "layer_norm"),
    "activation": choose("gelu", "relu"),
    "mlp_ratio": choose(1, 2.5),
    "head": choose("none", {"classes": 3}, {"classes": 5, "dropout": 0.5}),
    "mask_unit": choose([4, 4, 2], [2, 4, 2], [4, 4]),
}


@pytest.mark.parametrize("name", ["none", "h200/compiled-amp"])
def test_what_holds_for_the_whole_model_may_be_left_open(tmp_path: Path, name: str) -> None:
    space = space_of(CLIP, tmp_path)
    codes = assert_prices_are_exact(space, every_choice(space)[::3], PROFILES[name], batch=2)
    assert codes == {"", "H202"}


def test_stages_may_be_more_or_fewer(tmp_path: Path) -> None:
    stage = {"depth": choose(1, 2), "channels": 8, "heads": 2, "attention": "global"}
    lists = [[stage] * count for count in (1, 2, 3)]
    data = image(head=choose("none", {"classes": 2})) | {"stages": choose(*lists, [stage] * 17)}
    space = space_of(data | {"stages": choose(*lists)}, tmp_path)
    for name in ("none", "a100-40gb/compiled-half"):
        assert_prices_are_exact(space, every_choice(space), PROFILES[name], batch=2)


def test_a_trunk_without_a_head_ends_in_its_last_block(tmp_path: Path) -> None:
    stage = {"depth": choose(1, 2), "pool": choose("none", "max")}
    space = space_of(image(stage, stage, head="none"), tmp_path)
    for name in SOME:
        assert assert_prices_are_exact(space, every_choice(space), PROFILES[name]) == {""}


@pytest.mark.parametrize("data", [RICH_IMAGE, RICH_CLIP], ids=["image", "clip"])
def test_a_space_of_one_point_is_a_spec(tmp_path: Path, data: Data) -> None:
    space = space_of(data, tmp_path)
    assert_prices_are_exact(space, every_choice(space), PROFILES["t4/eager-half"])


WINDOW: Data = {"kind": "window", "window": 4}
RELATIVE: Data = {"kind": "global", "relative": "decomposed"}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"let": {"wide": choose(32, 65536)}, "stages.0.channels": {"tie": "wide", "times": 2}}, {"", "H104"}),
        ({"let": {"wide": choose(64, 100)}, "stages.0.channels": {"tie": "wide", "over": 32}}, {"", "H612"}),
        ({"let": {"deep": choose(1, 999)}, "stages.0.depth": {"tie": "deep", "times": 2}}, {"", "H104"}),
        ({"let": {"size": choose(64, 65536)}, "input.size": {"tie": "size", "times": 2}}, {"", "H104"}),
        ({"stages.1.depth": choose(1, 800), "stages.0.depth": choose(201, 200)}, {"", "H311"}),
        ({"stages.1.channels": choose(8, 65536), "stages.1.depth": choose(1, 2, 999)}, {"", "H402"}),
        ({"input.size": choose(64, 8192), "patch.stride": choose(1, 4)}, {"", "H310"}),
        ({"patch.kernel": choose(7, 99, 3)}, {"", "H303", "H304"}),
        ({"stages.0.mlp_ratio": choose(0.01, 4), "stages.0.heads": choose(3, 2)}, {"", "H201", "H204"}),
        ({"mlp_ratio": choose(0.01, 4), "mask_unit": choose(8, 7)}, {"", "H204", "H302"}),
        ({"position": choose("absolute", "separable"), "input.frames": choose("none", 4)}, {"", "H203"}),
        ({"stages.0.pool": choose("max", "none"), "mask_unit": choose(3, 8), "stages.1.heads": choose(2, 3)}, None),
        (
            {
                "mae": {"mask_ratio": 0.5},
                "stages.0.attention": choose("mask_unit", "global"),
                "stages.1.attention": {"kind": "global", "relative": choose("none", "decomposed")},
                "mask_unit": choose(8, "none"),
            },
            {"", "H208", "H344", "H345"},
        ),
        ({"mae": choose("none", {"mask_ratio": 0.5}), "stages.1.attention": choose("global", RELATIVE)}, {"", "H345"}),
    ],
)
def test_refusals_have_the_code_that_is_reported_first(tmp_path: Path, changes: Data, codes: set[str] | None) -> None:
    space = space_of(opened(image({}, {"attention": "global"}), changes), tmp_path)
    found = assert_prices_are_exact(space, every_choice(space))
    assert codes is None or found == codes


@pytest.mark.parametrize("tokens", [(False, True), (True, False)])
def test_a_stage_is_refused_for_what_its_own_candidate_says_elsewhere(
    tmp_path: Path, tokens: tuple[bool, bool]
) -> None:
    changes = {
        "mask_unit": "none",
        "class_token": choose(*tokens),
        "stages.0.attention": choose("global", WINDOW),
    }
    space = space_of(opened(image({}), changes), tmp_path)
    assert assert_prices_are_exact(space, every_choice(space)) == {"", "H210"}


@pytest.mark.parametrize("sections", [("none", {"mask_ratio": 0.5}), ({"mask_ratio": 0.5}, "none")])
def test_a_stage_is_refused_for_pretraining_only_where_its_candidate_asks_for_it(
    tmp_path: Path, sections: tuple[Any, Any]
) -> None:
    changes = {"mae": choose(*sections), "mask_unit": choose("none", 8), "stages.0.attention": "global"}
    space = space_of(opened(image({}), changes), tmp_path)
    assert assert_prices_are_exact(space, every_choice(space)) == {"", "H344"}


@pytest.mark.parametrize("places", list(permutations(["input.channels", "stages.0.heads", "stages.1.heads"])))
@pytest.mark.parametrize("last", ["stages.1.depth", "head.classes", "drop_path"])
def test_problems_of_form_are_reported_in_the_order_of_the_language(
    tmp_path: Path, places: tuple[str, ...], last: str
) -> None:
    part, large = {"tie": "part", "times": 1.5}, {"tie": "large", "times": 2}
    ending = part if last != "drop_path" else {"tie": "part", "over": 2.0}
    data = opened(image({}, {}), {places[0]: part, places[1]: large, places[2]: choose(1, 2), last: ending})
    data["let"] = {"part": choose(1, 2), "large": choose(1, 40_000)}
    space = space_of(data, tmp_path)
    assert {"H103", "H104"} <= assert_prices_are_exact(space, every_choice(space))


def test_a_batch_that_does_not_fit_into_the_device_is_refused(tmp_path: Path) -> None:
    space = space_of(image({"channels": choose(8, 512)}, input={"size": choose(64, 512)}), tmp_path)
    for batch in (1, 400, 40_000, 10_000_000):
        codes = assert_prices_are_exact(space, every_choice(space), PROFILES["t4/eager-amp"], batch)
    assert codes == {"H503"}


def test_equal_parts_are_lowered_once(tmp_path: Path) -> None:
    space = space_of(WIDE, tmp_path)
    table = Table(space)
    choices = every_choice(space)
    first = table.price(choices)
    distinct = table.distinct
    again = table.price(choices[::-1])
    assert table.distinct == distinct < 200
    assert np.array_equal(first.macs, again.macs[::-1])


def test_figures_beyond_64_bits_are_the_largest_number_and_never_wrap(tmp_path: Path) -> None:
    wide = {"channels": 65536, "attention": "global", "mlp_ratio": 0.1, "depth": choose(1, 2)}
    space = space_of(image(wide, mask_unit=1, input={"size": choose(64, 2400)}), tmp_path)
    table = Table(space, None, batch=10**15)
    found = table.price(every_choice(space))
    lawful = found.refused == 0
    assert lawful.any()
    assert set(found.memory[lawful].tolist()) == {2**63 - 1}
    assert (found.macs >= 0).all()


def test_no_candidates_have_no_figures(tmp_path: Path) -> None:
    space = space_of(WIDE, tmp_path)
    found = Table(space, PROFILES["t4/eager-amp"]).price(np.zeros((0, len(space.holes)), np.int32))
    assert len(found) == 0
    assert found.latency_ms.shape == (0,)


def test_columns_can_be_taken_and_joined(tmp_path: Path) -> None:
    space = space_of(WIDE, tmp_path)
    found = Table(space).price(every_choice(space))
    both = found.take(np.arange(3)).join(found.take(np.arange(3, len(found))))
    assert all(np.array_equal(part, found.arrays()[name]) for name, part in both.arrays().items())


def test_codes_of_another_table_can_be_adopted(tmp_path: Path) -> None:
    space = space_of(WIDE, tmp_path)
    table = Table(space)
    table.adopt(["", "H999", "H201"])
    found = table.price(every_choice(space))
    assert table.codes[:3] == ["", "H999", "H201"]
    assert 1 not in found.refused
    with pytest.raises(ValueError, match="numbered already"):
        table.adopt(["", "H301"])
