"""The schema as an editor uses it: it agrees with the compiler on every spec that ships, and on broken ones."""

from typing import Any

import jsonschema
import pytest

import hiera_compiler as hc
from hiera_compiler import bundled
from hiera_compiler.source import read_file, read_text

ALONE = """\
name: alone
input: {size: 224}
patch: {kernel: 7, stride: 4, padding: 3}
position: absolute
mask_unit: 8
stages:
  - {depth: 1, channels: 96, heads: 1, attention: mask_unit}
  - {depth: 2, channels: 192, heads: 2, attention: global, pool: {kind: max, stride: 2}}
"""


def as_json(data: Any) -> Any:
    """Data as JSON has it, where every key is text."""
    if isinstance(data, dict):
        return {str(key): as_json(value) for key, value in data.items()}
    return [as_json(item) for item in data] if isinstance(data, list) else data


def fits(text: str) -> bool:
    validator = jsonschema.Draft202012Validator(hc.json_schema())
    return bool(validator.is_valid(as_json(read_text(text, "x.yaml").data)))


def test_the_schema_is_one_of_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(hc.json_schema())


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_every_bundled_spec_fits(name: str) -> None:
    file = bundled.path(name)
    assert file is not None
    jsonschema.validate(as_json(read_file(file).data), hc.json_schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_a_resolved_spec_fits(name: str) -> None:
    jsonschema.validate(hc.compile(name).spec.data(), hc.json_schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "change",
    [
        "norm: {kind: layer_norm}",
        "head: none",
        "head: {classes: 10, dropout: 0.5}",
        "drop_path: 0.1",
        "drop_path: {rate: 0.1, schedule: constant}",
        "activation: relu",
        "input: {size: [224, 224], frames: none}",
    ],
)
def test_short_and_long_forms_fit(change: str) -> None:
    key = change.partition(":")[0]
    rest = "".join(line for line in ALONE.splitlines(keepends=True) if not line.startswith(key))
    assert fits(rest + change + "\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: alone\n", ""),
        ("depth: 1, ", ""),
        ("depth: 1", "depht: 1"),
        ("depth: 1", "depth: 0"),
        ("depth: 1", "depth: one"),
        ("attention: global", "attention: glogal"),
        ("kind: max, ", ""),
        ("kind: max", "kind: min"),
        ("name: alone", "name: 1st"),
        ("mask_unit: 8", "mask_unit: []"),
        ("stages:\n", "stages:\n  0: {depth: 2}\n#"),
        ("mask_unit: 8", "mask_unit: 8\ntypo: 1"),
    ],
)
def test_broken_specs_do_not_fit(old: str, new: str) -> None:
    assert fits(ALONE)
    assert old in ALONE
    broken = ALONE.replace(old, new, 1)
    if "0: {depth" in new:
        broken = broken.partition("#")[0]
    assert not fits(broken)


@pytest.mark.parametrize(
    "change",
    [
        "",
        "stages: {2: {depth: 18}}",
        "stages: {2: {pool: {stride: 2}, attention: global}}",
        "stages: [{depth: 1, channels: 96, heads: 1, attention: mask_unit}]",
        "norm: {epsilon: 1e-5}",
        "patch: {padding: 2}",
        "input: {frames: 16}",
        "head: {dropout: 0.1}",
        "drop_path: {schedule: constant}",
    ],
)
def test_a_spec_that_extends_may_say_any_part(change: str) -> None:
    assert fits(f"extends: hiera_b\nname: mine\n{change}\n")
    assert not fits(f"name: mine\n{change}\n")


@pytest.mark.parametrize(
    "change",
    [
        "stages: {2: {dept: 18}}",
        "stages: {2: {depth: 0}}",
        "stages: {third: {depth: 18}}",
        "stages: [{depth: 18}]",
        "norm: {kind: batch_norm}",
        "norm: {epsilon: 0}",
        "patch: {paddling: 2}",
        "extends: 3",
    ],
)
def test_what_a_spec_that_extends_says_must_still_mean_something(change: str) -> None:
    extends = "" if change.startswith("extends") else "extends: hiera_b\n"
    assert not fits(f"{extends}name: mine\n{change}\n")


def test_keys_are_described() -> None:
    stage = hc.json_schema()["$defs"]["Stage"]
    assert all(value["description"] for value in stage["properties"].values())
    assert stage["required"] == ["depth", "channels", "heads", "attention"]


def test_a_kind_that_requires_an_option_does_not_go_by_its_bare_word() -> None:
    for written, right in (("window", False), ("{kind: window, window: 4}", True), ("global", True)):
        text = ALONE.replace("attention: mask_unit", f"attention: {written}")
        assert fits(text) is right
