"""The schema of spaces as an editor uses it: it agrees with what the search reads, and with the specs."""

from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml

import hiera_compiler as hc
from hiera_compiler import bundled
from hiera_compiler.source import read_file, read_text
from hiera_compiler.spec import space_schema


@cache
def validator() -> Any:
    return jsonschema.Draft202012Validator(space_schema())


def as_json(data: Any) -> Any:
    """Data as JSON has it, where every key is text."""
    if isinstance(data, dict):
        return {str(key): as_json(value) for key, value in data.items()}
    return [as_json(item) for item in data] if isinstance(data, list) else data


def fits(text: str) -> bool:
    return bool(validator().is_valid(as_json(read_text(text, "x.yaml").data)))


def test_the_schema_is_one_of_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(space_schema())


@pytest.mark.parametrize("name", [*bundled.spaces(), *bundled.names()])
def test_every_bundled_space_and_spec_fits(name: str) -> None:
    file = bundled.path(name)
    assert file is not None
    assert validator().is_valid(as_json(read_file(file).data))


@pytest.mark.parametrize("name", bundled.spaces())
def test_every_bundled_space_names_the_schema_that_editors_check_it_with(name: str) -> None:
    file = bundled.path(name)
    assert file is not None
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./hiera.space.schema.json"
    assert (file.parent / "hiera.space.schema.json").is_file()


HOLES = [
    "stages: {0: {depth: {choose: [1, 2]}}}",
    "stages: {0: {depth: {range: [1, 9]}}}",
    "stages: {0: {depth: {range: [1, 9, 2]}}}",
    "stages: {0: {depth: {choose: [1, {choose: [2, 3]}]}}}",
    "stages: {0: {channels: {tie: width}}}",
    "stages: {0: {channels: {tie: width, times: 2, over: other}}}",
    "stages: {0: {attention: {tie: width, cases: {1: global, 2: {kind: mask_unit}}}}}",
    "stages: {1: {pool: {choose: [none, max, {kind: max, stride: {choose: [1, [1, 2]]}}]}}}",
    "stages: {1: {choose: [{depth: 1, channels: 96, heads: 1, attention: global}]}}",
    "stages: {choose: [[{depth: 1, channels: 96, heads: 1, attention: global}]]}",
    "stages: {1: {pool: {kind: {choose: [max]}, stride: 2}, attention: {kind: {choose: [global, mask_unit]}}}}",
    "stages: [{depth: 1, channels: 96, heads: 1, attention: {kind: {choose: [global, mask_unit]}}}]",
    "mask_unit: [{choose: [4, 8]}, 8]",
    "head: {choose: [none, {classes: 10}]}",
    "let: {width: {range: [64, 96]}, other: 3, third: {tie: width}, fourth: {classes: {choose: [1, 2]}}}",
]


@pytest.mark.parametrize("change", HOLES)
def test_a_hole_fits_wherever_a_value_does(change: str) -> None:
    assert fits(f"extends: hiera_b\nname: mine\n{change}\n")


@pytest.mark.parametrize("change", [change for change in HOLES if not change.startswith("let")])
def test_a_hole_does_not_fit_the_schema_of_specs(change: str) -> None:
    text = as_json(yaml.safe_load(f"extends: hiera_b\nname: mine\n{change}\n"))
    assert not jsonschema.Draft202012Validator(hc.json_schema()).is_valid(text)


@pytest.mark.parametrize(
    "change",
    [
        "stages: {0: {depth: {choose: []}}}",
        "stages: {0: {depth: {choose: 3}}}",
        "stages: {0: {depth: {choose: [one]}}}",
        "stages: {0: {depth: {choose: [0, 1]}}}",
        "stages: {0: {depth: {range: [1]}}}",
        "stages: {0: {depth: {range: [1, two]}}}",
        "stages: {0: {depth: {choose: [1], range: [1, 2]}}}",
        "stages: {0: {depth: {chose: [1, 2]}}}",
        "stages: {0: {channels: {tie: 3}}}",
        "stages: {0: {channels: {tie: width, plus: 2}}}",
        "stages: {0: {attention: {tie: width, cases: {}}}}",
        "stages: {0: {attention: {tie: width, cases: {1: globl}}}}",
        "name: {choose: [a, b]}",
        "let: 3",
        "let: {1st: 3}",
        "let: {width: {choose: []}}",
        "let: {width: {choose: [1], more: 2}}",
    ],
)
def test_a_broken_hole_does_not_fit(change: str) -> None:
    name = "" if change.startswith("name") else "name: mine\n"
    assert not fits(f"extends: hiera_b\n{name}{change}\n")
