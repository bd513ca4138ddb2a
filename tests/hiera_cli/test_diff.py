import json
from itertools import pairwise
from pathlib import Path
from typing import Any


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each line by its first: values hold no spaces here."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def test_values_and_cost_that_differ_are_listed(hiera: Any) -> None:
    done = hiera("diff", "hiera_b", "hiera_l")
    assert (done.code, done.err) == (0, "")
    values, _, cost = done.out.partition("\n\n")
    assert rows(values)["stages.2.depth"] == ["16", "36"]
    assert "stages.0.depth" not in rows(values)
    assert rows(cost)["all"] == ["51.52", "213.74", "4.148", "9.400", "40.339", "4.291"]


def test_settings_change_the_second_spec(hiera: Any) -> None:
    found = json.loads(hiera("diff", "hiera_b", "hiera_b", "--set", "stages.2.depth=18", "--json").out)
    assert found["values"] == [{"path": "stages.2.depth", "a": 16, "b": 18}]
    assert not found["same_architecture"]
    (third,) = [row for row in found["cost"] if row["stage"] == "stage 3"]
    assert third["b"]["params"] > third["a"]["params"]
    assert [row["stage"] for row in found["cost"] if row["a"] == row["b"]] == [
        "stem",
        "stage 1",
        "stage 2",
        "stage 4",
        "head",
    ]


def test_equal_architectures_under_two_names_are_called_the_same(hiera: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: hiera_b\nname: mine\n")
    done = hiera("diff", "hiera_b", str(tmp_path / "mine.yaml"))
    assert done.out.endswith("\nthe architecture is the same, and only names differ\n")
    assert hiera("diff", "hiera_b", "hiera_b").out == "the architecture is the same\n"


def test_a_stage_or_head_that_one_lacks_stays_empty(hiera: Any, tmp_path: Path) -> None:
    stages = "[{depth: 2, channels: 96, heads: 1, attention: mask_unit}]"
    (tmp_path / "one.yaml").write_text(f"extends: hiera_t\nname: one\nhead: none\nstages: {stages}\n")
    done = hiera("diff", str(tmp_path / "one.yaml"), "hiera_t")
    cost = done.out.partition("\n\n")[2].splitlines()
    assert [line.split("  ")[0] for line in cost[2:-2]] == ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "head"]
    assert cost[7].split() == ["head", "0.77", "0.001"]
    found = json.loads(hiera("diff", "hiera_t", str(tmp_path / "one.yaml"), "--json").out)
    assert [row["b"] for row in found["cost"] if row["stage"] == "head"] == [None]


def test_problems_of_both_specs_are_shown(hiera: Any) -> None:
    done = hiera("diff", "nope", "hiera_bb")
    assert done.code == 1
    assert "no spec named 'nope'" in done.err
    assert "no spec named 'hiera_bb'" in done.err


def test_a_problem_of_one_spec_on_both_sides_is_shown_once(hiera: Any) -> None:
    done = hiera("diff", "swin_t", "swin_t", "--task", "mae")
    assert done.code == 1
    assert done.err.count("error[H344]") == 1


def test_autoencoders_are_compared_by_their_parts(hiera: Any) -> None:
    changes = ["--task", "mae", "--set", "mae.decoder.depth=2"]
    found = json.loads(hiera("diff", "hiera_t", "hiera_t", *changes, "--json").out)
    assert found["values"] == [{"path": "mae.decoder.depth", "a": 8, "b": 2}]
    parts = {row["stage"]: row for row in found["cost"]}
    assert parts["decoder"]["b"]["macs"] < parts["decoder"]["a"]["macs"]
    assert all(row["a"] == row["b"] for name, row in parts.items() if name not in ("decoder", "all"))
    cost = hiera("diff", "hiera_t", "hiera_t", *changes).out.partition("\n\n")[2]
    assert rows(cost)["target"] == ["0.00", "0.00", "=", "0.000", "0.000", "="]


def test_to_say_the_defaults_of_pretraining_is_no_difference(hiera: Any) -> None:
    assert hiera("diff", "hiera_t", "hiera_t", "--set", "mae={}").out == "the architecture is the same\n"


def test_what_stages_change_alike_is_one_line(hiera: Any) -> None:
    depths = ["--set", "stages.0.heads=2", "--set", "stages.2.heads=2", "--set", "stages.3.heads=2"]
    values = hiera("diff", "hiera_t", "hiera_t", *depths).out.partition("\n\n")[0]
    assert rows(values)["stages.0.heads"] == ["1", "2"]
    assert rows(values)["stages.2.heads"] == ["4", "2"]
    values = hiera("diff", "hiera_t", "hiera_t", "--set", "mlp_ratio=3").out.partition("\n\n")[0]
    assert rows(values)["stages.0–3.mlp_ratio"] == ["4.0", "3.0"]
    parts = ["stages.0.mlp_ratio=3", "stages.2.mlp_ratio=3", "stages.3.mlp_ratio=3"]
    values = hiera("diff", "hiera_t", "hiera_t", *(word for part in parts for word in ("--set", part))).out
    assert "stages.0,2–3.mlp_ratio" in rows(values)


def test_neighbours_of_the_ablation_differ_by_one_step(hiera: Any) -> None:
    names = [f"ablation/{name}" for name in ("0_mvitv2_l", "a_absolute", "b_max_pools", "c_no_unit_strides")]
    changed = []
    for pair in pairwise(names):
        values = hiera("diff", *pair).out.partition("\n\n")[0]
        changed.append([name for name in rows(values) if "." in name])
    assert changed == [
        ["position.kind", "stages.0–3.attention.relative"],
        ["stages.0–3.attention.pool.kind"],
        ["stages.0–3.attention.unit_stride"],
    ]


def test_a_neck_and_a_head_of_which_each_has_one_both_have_rows(hiera: Any) -> None:
    done = hiera("diff", "hiera_t", "hiera_t", "--set", "head=none", "--set", "neck=feature_pyramid", "--json")
    assert [row["stage"] for row in json.loads(done.out)["cost"]][-3:] == ["neck", "head", "all"]
