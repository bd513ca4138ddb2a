"""The spec as data: shorthand and long form are one architecture, and its hash says so."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import hiera_compiler as hc
from hiera_compiler.source import read_text
from hiera_compiler.spec import Spec, parse
from hiera_compiler.spec.reference import reference
from tests.support.random_specs import Data, specs


def spec_of(data: Data) -> Spec:
    return parse(read_text(yaml.safe_dump(data, sort_keys=False), "spec.yaml"))


def image(**changes: Any) -> Data:
    data: Data = {
        "name": "short",
        "input": {"size": 64},
        "patch": {"kernel": 7, "stride": 4, "padding": 3},
        "position": "absolute",
        "mask_unit": 4,
        "mlp_ratio": 4,
        "drop_path": 0.1,
        "stages": [
            {"depth": 1, "channels": 24, "heads": 2, "attention": "mask_unit"},
            {"depth": 2, "channels": 48, "heads": 4, "attention": "global", "pool": "max"},
        ],
    }
    return data | changes


WRITTEN_OUT: Data = {
    "name": "written_out",
    "input": {"size": [64, 64], "frames": None, "channels": 3},
    "patch": {"kernel": [7, 7], "stride": [4, 4], "padding": [3, 3]},
    "position": {"kind": "absolute"},
    "mask_unit": [4, 4],
    "mlp_ratio": 2.0,
    "drop_path": {"rate": 0.1, "schedule": "linear"},
    "norm": {"kind": "layer_norm", "epsilon": 1e-6},
    "activation": {"kind": "gelu"},
    "head": "none",
    "stages": [
        {
            "depth": 1,
            "channels": 24,
            "heads": 2,
            "attention": {"kind": "mask_unit"},
            "first_attention": "previous",
            "pool": "none",
            "mlp_ratio": 4.0,
        },
        {
            "depth": 2,
            "channels": 48,
            "heads": 4,
            "attention": {"kind": "global"},
            "pool": {"kind": "max", "stride": [2, 2]},
            "mlp_ratio": 4,
        },
    ],
}

CLIP = image(
    input={"size": 64, "frames": 4}, position="separable", patch={"kernel": [3, 7, 7], "stride": 4, "padding": 3}
)


def test_shorthand_and_long_form_hash_the_same() -> None:
    assert spec_of(image()).hash == spec_of(WRITTEN_OUT).hash


def test_one_number_leaves_the_time_of_a_clip_alone() -> None:
    spec = spec_of(CLIP).resolved()
    assert spec.patch.stride == (1, 4, 4)
    assert spec.patch.padding == (0, 3, 3)
    assert spec.mask_unit == (1, 4, 4)
    assert spec.input.size == (64, 64)
    assert spec.input_shape == (3, 4, 64, 64)
    assert spec.stages[1].pool is not None
    assert spec.stages[1].pool.stride == (1, 2, 2)


@settings(max_examples=60)
@given(specs())
def test_resolving_twice_is_resolving_once(data: Data) -> None:
    spec = spec_of(data).resolved()
    assert spec.resolved() == spec
    assert spec.hash == spec_of(data).hash


@settings(max_examples=60)
@given(specs())
def test_data_written_as_yaml_is_the_same_spec(data: Data) -> None:
    spec = spec_of(data)
    assert spec_of(spec.data()) == spec
    again = spec_of(spec.resolved().data())
    assert again == spec.resolved()
    assert again.hash == spec.hash


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_shipped_specs_survive_the_way_through_yaml(name: str) -> None:
    spec = hc.compile(name).spec
    assert spec_of(spec.data()).hash == spec.hash


def test_the_name_is_no_part_of_the_hash() -> None:
    assert spec_of(image(name="other")).hash == spec_of(image()).hash


def test_a_whole_number_is_the_same_as_its_float() -> None:
    assert spec_of(image(mlp_ratio=4)).hash == spec_of(image(mlp_ratio=4.0)).hash
    assert spec_of(image(drop_path=0)).hash == spec_of(image(drop_path={"rate": -0.0})).hash


def leaves(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(data, dict | list) and data:
        items = data.items() if isinstance(data, dict) else enumerate(data)
        return [leaf for key, value in items for leaf in leaves(value, (*path, key))]
    return [path]


def changed(value: Any) -> Any:
    """Another value that the form takes at the same place."""
    others = {
        "absolute": "separable",
        "mask_unit": "global",
        "global": "mask_unit",
        "previous": "own",
        "linear": "constant",
        "gelu": "relu",
    }
    if isinstance(value, str):
        return others[value]
    return value / 2 if isinstance(value, float) else value + 1


COMPLETE = spec_of(image(head={"classes": 10, "dropout": 0.1})).resolved().data() | {"name": "x"}
FIXED = (None, "layer_norm", "max")
"""Values with no other one to change to: what is absent here, and kinds that are alone in their group."""


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


@pytest.mark.parametrize(
    "path",
    [path for path in leaves(COMPLETE) if path[0] not in ("name", "mlp_ratio") and at(COMPLETE, path) not in FIXED],
    ids=lambda path: ".".join(map(str, path)),
)
def test_every_field_of_the_architecture_is_in_the_hash(path: tuple[Any, ...]) -> None:
    data = copy.deepcopy(COMPLETE)
    parent = at(data, path[:-1])
    parent[path[-1]] = changed(parent[path[-1]])
    assert spec_of(data).hash != spec_of(COMPLETE).hash


@given(st.integers(1, 16), st.integers(1, 3))
def test_frames_are_in_the_hash(frames: int, more: int) -> None:
    clip, longer = (CLIP | {"input": {"size": 64, "frames": count}} for count in (frames, frames + more))
    assert spec_of(clip).hash != spec_of(longer).hash


@pytest.mark.parametrize("name", ["a", "hiera_b", "Hiera-B.2", "x" * 100])
def test_lawful_names(name: str) -> None:
    assert spec_of(image(name=name)).name == name


@pytest.mark.parametrize("name", ["", "2b", "_b", "a b", 'a"', "a\\", "a\n", "a\n\n", "é", "a/b", "x" * 101, "a'''"])
def test_a_name_that_could_break_out_of_code_is_refused(name: str) -> None:
    with pytest.raises(hc.SpecError) as caught:
        spec_of(image(name=name))
    assert [found.code for found in caught.value.diagnostics] == ["H107"]


def test_no_neck_leaves_the_hash_as_it_was_and_its_shorthand_is_its_long_form() -> None:
    assert spec_of(image(neck="none")).hash == spec_of(image()).hash
    assert "neck" not in spec_of(image()).data()
    necks = ("feature_pyramid", {"kind": "feature_pyramid", "channels": 256, "norm": "none", "stages": []})
    short, long = (spec_of(image(neck=neck)).hash for neck in necks)
    assert short == long != spec_of(image()).hash


def test_the_reference_writes_defaults_as_a_spec_says_them() -> None:
    cells = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", reference(), re.MULTILINE)
    assert ("shift", "false") in cells
    assert ("decoder", "{depth: 8, channels: 512, heads: 16}") in cells
    assert ("pool", "{kind: conv, kernel: 3, padding: 1}") in cells
    for key, said in cells:
        assert read_text(f"{key}: {said}", "x").data.keys() == {key}
        assert re.search(r"\b(True|False|None)\b|=|'", said) is None, f"{key}: {said}"


def test_to_say_the_default_of_pretraining_is_to_say_nothing() -> None:
    silent = spec_of(image())
    for mae in ({}, {"mask_ratio": 0.6}, {"decoder": {"depth": 8}, "target": "pixel"}):
        assert spec_of(image(mae=mae)).hash == silent.hash
    assert spec_of(image(mae={"mask_ratio": 0.5})).hash != silent.hash


@pytest.mark.parametrize(
    ("name", "start"),
    [("hiera_b", "5fc9b488"), ("hiera_b_16x224", "da6f6d6f"), ("mvitv2_t", "7656790e"), ("swin_t", "6a1dd139")],
)
def test_a_hash_is_kept_where_the_language_grows(name: str, start: str) -> None:
    """Folders of builds and searches hold hashes: a new option is `silent` at its default."""
    assert hc.compile(name).spec.hash.startswith(start)
