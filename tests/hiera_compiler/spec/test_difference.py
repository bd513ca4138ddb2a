import hiera_compiler as hc
from hiera_compiler.spec.difference import ABSENT, Difference, differences


def between(left: list[str], right: list[str]) -> list[Difference]:
    return differences(hc.compile("hiera_b", left).spec, hc.compile("hiera_b", right).spec)


def test_equal_specs_do_not_differ() -> None:
    assert between([], []) == []


def test_what_means_the_same_does_not_differ() -> None:
    assert between(["input.size=224", "norm=layer_norm"], ["input.size=[224, 224]"]) == []


def test_a_default_of_all_stages_differs_in_each() -> None:
    found = between([], ["mlp_ratio=3"])
    assert [item.path for item in found] == [("stages", index, "mlp_ratio") for index in range(4)]
    assert {(item.left, item.right) for item in found} == {(4.0, 3.0)}


def test_a_list_of_numbers_is_one_value() -> None:
    assert between([], ["patch.stride=[4, 2]"]) == [Difference(("patch", "stride"), [4, 4], [4, 2])]


def test_a_part_that_one_spec_lacks_differs_as_a_whole() -> None:
    (found,) = between([], ["head=none"])
    assert (found.path, found.right) == (("head",), None)


def test_a_stage_that_one_spec_lacks_is_absent_key_by_key_without_its_defaults() -> None:
    first = "{depth: 2, channels: 96, heads: 1, attention: mask_unit}"
    pooled = "attention: {kind: pooled, residual: true}, pool: {kind: max, kernel: 4, padding: 1}"
    second = f"{{depth: 3, channels: 96, heads: 1, {pooled}}}"
    found = between([f"stages=[{first}]"], [f"stages=[{first}, {second}]"])
    assert [(item.path[2:], item.right) for item in found] == [
        (("depth",), 3),
        (("channels",), 96),
        (("heads",), 1),
        (("attention", "kind"), "pooled"),
        (("attention", "residual"), True),
        (("pool", "kind"), "max"),
        (("pool", "kernel"), [4, 4]),
        (("pool", "padding"), [1, 1]),
        (("mlp_ratio",), 4.0),
    ]
    assert all(item.path[:2] == ("stages", 1) and item.left is ABSENT for item in found)
    assert [(item.path, item.right, item.left) for item in found] == [
        (item.path, item.left, item.right) for item in between([f"stages=[{first}, {second}]"], [f"stages=[{first}]"])
    ]


def test_options_that_one_kind_alone_has_are_left_out_at_their_defaults() -> None:
    found = between([], ["stages.2.attention={kind: pooled, kv_stride: 2, residual: true}"])
    assert [(item.path[3], item.left, item.right) for item in found] == [
        ("kind", "global", "pooled"),
        ("kv_stride", ABSENT, [2, 2]),
        ("residual", ABSENT, True),
    ]
    (first, second) = between([], ["position={kind: abswin, base: 7}"])
    assert (first.path, second.path, second.right) == (("position", "kind"), ("position", "base"), [7, 7])
