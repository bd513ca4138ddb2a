import json
from typing import Any

from hiera_compiler import bundled, bundled_specs


def test_every_bundled_spec_is_a_row(hiera: Any) -> None:
    lines = hiera("specs").out.partition("\n\n")[0].splitlines()
    assert lines[0].split("  ")[0] == "name"
    assert [line.split()[0] for line in lines[2:]] == bundled_specs()
    assert lines[2].split(maxsplit=4) == ["hiera_b", "3x224x224", "51.52", "9.40", "Hiera-B on images"]


def test_json_has_exact_counts(hiera: Any) -> None:
    found = {row["name"]: row for row in json.loads(hiera("specs", "--json").out)["specs"]}
    assert found["hiera_b"]["params"] == 51_524_968
    assert found["hiera_b_16x224"]["input"] == [3, 16, 224, 224]
    assert found["hiera_b_16x224"]["summary"] == "Hiera-B on clips of 16 frames"


def test_every_bundled_space_is_a_row_with_its_size(hiera: Any) -> None:
    lines = hiera("specs").out.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in lines[2:]] == bundled.spaces()
    found = {row["name"]: row for row in json.loads(hiera("specs", "--json").out)["spaces"]}
    assert found["hiera_small"] == {
        "name": "hiera_small",
        "points": 5184,
        "holes": 8,
        "summary": "A small space of image models",
    }


def test_folders_are_named_and_listed_when_asked_for(hiera: Any) -> None:
    folders = hiera("specs").out.splitlines()[-1].rpartition(": ")[2].split(", ")
    assert folders == bundled.folders() == json.loads(hiera("specs", "--json").out)["folders"]
    assert {"ablation", "detection"} <= set(folders)
    found = json.loads(hiera("specs", "detection", "--json").out)
    assert [row["name"] for row in found["specs"]] == bundled.folder("detection")
    assert "detection/hiera_l" in hiera("specs", "detection").out


def test_an_unknown_folder_is_bad_usage(hiera: Any) -> None:
    done = hiera("specs", "detektion")
    assert done.code == 2
    assert "detection" in done.err
