"""What a diagnostic advises passes: numbers named in a help are put into the spec, and the spec compiles."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import hiera_compiler as hc
from tests.support.random_specs import Data, compilation, specs


def base(**changes: Any) -> Data:
    data: Data = {
        "name": "x",
        "input": {"size": 64},
        "patch": {"kernel": 7, "stride": 4, "padding": 3},
        "position": "absolute",
        "mask_unit": 4,
        "stages": [
            {"depth": 1, "channels": 24, "heads": 2, "attention": "mask_unit"},
            {"depth": 1, "channels": 48, "heads": 4, "attention": "global", "pool": "max"},
        ],
    }
    return data | changes


def helps(data: Data) -> dict[str, str]:
    """The help of each code that a spec gives; none where it compiles."""
    try:
        _ = compilation(data).graph
    except hc.SpecError as error:
        return {found.code: found.help or "" for found in error.diagnostics}
    return {}


@settings(max_examples=50)
@given(specs(max_depth=1), st.data())
def test_every_size_that_h302_names_fits(data: Data, draw: st.DataObject) -> None:
    size = data["input"]["size"]
    both = [size, size] if isinstance(size, int) else list(size)
    axis = draw.draw(st.sampled_from([0, 1]))
    both[axis] += draw.draw(st.integers(1, 20))
    help = helps(data | {"input": data["input"] | {"size": both}}).get("H302")
    assume(help is not None)
    (sizes,) = re.findall(r"^nearest that fit: (?:height|width) ([\d or]+)$", str(help))
    for near in sizes.split(" or "):
        both[axis] = int(near)
        assert helps(data | {"input": data["input"] | {"size": both}}) == {}


@pytest.mark.parametrize(("channels", "heads"), [(24, 5), (24, 100), (7, 2), (65536, 3), (1, 2)])
def test_every_number_of_heads_that_h201_names_divides(channels: int, heads: int) -> None:
    stages = [{"depth": 1, "channels": channels, "heads": heads, "attention": "global"}]
    help = helps(base(stages=stages))["H201"]
    numbers = re.findall(r"\d+", help)
    assert numbers
    assert all(channels % int(number) == 0 for number in numbers)


@pytest.mark.parametrize(("channels", "ratio"), [(24, 0.01), (1, 0.9), (3, 0.3), (1000, 0.0001), (65536, 1e-9)])
def test_the_mlp_ratio_that_h204_names_gives_a_hidden_channel(channels: int, ratio: float) -> None:
    stages = [{"depth": 1, "channels": channels, "heads": 1, "attention": "global", "mlp_ratio": ratio}]
    help = helps(base(stages=stages))["H204"]
    named = re.search(r"at least ([\d.]+);", help)
    assert named is not None
    stages[0]["mlp_ratio"] = float(named[1])
    assert "H204" not in helps(base(stages=stages))


@pytest.mark.parametrize("unit", [1, 2, 3, 6, [4, 2], [2, 8]])
def test_the_mask_unit_that_h301_names_can_be_pooled(unit: Any) -> None:
    stages = [{"depth": 1, "channels": 4, "heads": 1, "attention": "global", "pool": "max"}] * 3
    help = helps(base(mask_unit=unit, stages=stages, input={"size": 192}))["H301"]
    named = re.search(r"multiple of (\d+)x(\d+)", help)
    assert named is not None
    assert "H301" not in helps(base(mask_unit=[int(side) for side in named.groups()], stages=stages))


def test_the_sizes_that_h303_names_fit() -> None:
    patch = {"kernel": [16, 7], "stride": 4, "padding": 3}
    small = base(input={"size": [4, 64]}, patch=patch, mask_unit=[1, 2])
    named = re.findall(r"(\d+)x(\d+)", helps(small)["H303"])
    least, most = ([int(side) for side in pair] for pair in named)
    assert "H303" not in helps(small | {"input": {"size": least}})
    assert "H303" not in helps(small | {"patch": patch | {"kernel": most}})


def test_the_padding_that_h304_names_passes() -> None:
    patch = {"kernel": [3, 1], "stride": 4, "padding": [3, 1]}
    help = helps(base(patch=patch))["H304"]
    named = yaml.safe_load(help.partition(": ")[2])
    assert "H304" not in helps(base(patch=patch | {"padding": named}))


@pytest.mark.parametrize(("depths", "passes"), [((900, 300), True), ((700, 701), True), ((600,) * 4, False)])
def test_the_depth_that_h311_names_passes(depths: tuple[int, ...], passes: bool) -> None:
    stages = [{"depth": depth, "channels": 4, "heads": 1, "attention": "global"} for depth in depths]
    help = helps(base(stages=stages))["H311"]
    assert ("every stage" in help) != passes
    if passes:
        index = max(range(len(depths)), key=lambda position: depths[position])
        stages[index]["depth"] = int(re.findall(r"\d+", help)[0])
        assert helps(base(stages=stages)) == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"input": {"size": 64, "frames": 4}, "mask_unit": [4, 4]}, "H202"),
        ({"mask_unit": [1, 4, 4]}, "H202"),
    ],
)
def test_the_example_that_h202_gives_passes(changes: Data, code: str) -> None:
    help = helps(base(**changes))[code]
    example = yaml.safe_load("[" + help.partition("such as [")[2].partition("]")[0] + "]")
    assert helps(base(**changes | {"mask_unit": example})) == {}


@pytest.mark.parametrize(("read", "named"), [([], [2, 3]), ([0, 1, 3], [3])])
def test_the_stages_of_a_neck_that_h351_names_pass(read: list[int], named: list[int]) -> None:
    def with_stages(stages: list[int]) -> hc.Compilation:  # maps of 50, 25, 12 and 6 tokens a side
        return hc.compile("sam2_hiera_t", ["input.size=200", f"neck={{kind: feature_pyramid, stages: {stages}}}"])

    with pytest.raises(hc.SpecError) as caught:
        _ = with_stages(read).graph
    (found,) = caught.value.diagnostics
    assert f"stages: {named} in the neck" in (found.help or "")
    assert len(with_stages(named).graph.listed("pyramid")) == len(named) + 1


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("vit_b", []),
        ("swin_t", ["input.size=256"]),
        ("sam2_hiera_t", ["input.size=256"]),
        ("mvitv2_s_16x224", []),
        ("detection/mvitv2_b", ["input.size=256"]),
    ],
)
def test_what_h344_names_makes_an_autoencoder(name: str, settings: list[str]) -> None:
    with pytest.raises(hc.SpecError) as caught:
        _ = hc.compile(name, settings, task="mae").graph
    help = next(found.help for found in caught.value.diagnostics if found.code == "H344") or ""
    pattern = r"(?<!attention: )(mask_unit|class_token|head\.pooling): (\[[\d, ]+\]|\w+)"
    made = [f"{key}={value}" for key, value in re.findall(pattern, help)]
    stages = range(len(hc.compile(name).spec.stages))
    if "in place of windows" in help:
        made += [f"stages.{index}.attention=mask_unit" for index in stages]
    elif "H345" in str(caught.value):
        made += [f"stages.{index}.attention.relative=none" for index in stages]
    assert hc.compile(name, [*settings, *made], task="mae").graph.outputs["loss"]


@pytest.mark.parametrize("pool", [{"kind": "conv", "padding": 2}, {"kind": "max", "kernel": 3, "padding": 2}])
def test_the_padding_that_is_named_for_queries_and_keys_passes(pool: Data) -> None:
    def stages(**changes: Any) -> list[Data]:
        attention = {"kind": "pooled", "pool": pool | changes, "kv_stride": 2}
        return [{"depth": 1, "channels": 24, "heads": 2, "attention": attention}]

    (help,) = helps(base(stages=stages(), mask_unit=8)).values()
    named = re.search(r"at most (\[\d, \d\])", help)
    assert named is not None
    assert helps(base(stages=stages(padding=yaml.safe_load(named[1])), mask_unit=8)) == {}


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"),
    [
        (7, 4, 3, [61, 64]),
        (9, 4, 6, [60, 60]),
        (4, 1, 3, [13, 17]),
        (2, 4, 1, [63, 63]),
        (5, 2, 2, [31, 64]),
        (3, 4, 2, 62),
    ],
)
def test_the_input_that_h343_names_holds_what_is_predicted(kernel: int, stride: int, padding: int, size: Any) -> None:
    mae = {"mask_ratio": 0.5, "decoder": {"depth": 1}}
    data = base(patch={"kernel": kernel, "stride": stride, "padding": padding}, input={"size": size}, mae=mae)
    named = re.search(r"input of (\d+)x(\d+) pixels(?: and a padding of (\[\d, \d\]))?$", helps(data)["H343"])
    assert named is not None
    least = [int(side) for side in named.groups()[:2]]
    fewer = yaml.safe_load(named[3]) if named[3] else padding
    assert helps(data | {"input": {"size": least}, "patch": data["patch"] | {"padding": fewer}}) == {}


@pytest.mark.parametrize("ratio", [0.99, 0.9999])
def test_the_mask_ratio_that_h340_names_keeps_a_unit(ratio: float) -> None:
    named = re.search(r"at most ([\d.]+)$", helps(base(mae={"mask_ratio": ratio}))["H340"])
    assert named is not None
    assert helps(base(mae={"mask_ratio": float(named[1])})) == {}


@pytest.mark.parametrize("size", [96, [64, 96], [160, 96]])
def test_the_multiples_that_h352_names_can_be_halved(size: Any) -> None:
    neck = {"neck": "simple_feature_pyramid", "mask_unit": "none"}
    stages = [stage | {"attention": "global", "pool": "max"} for stage in base()["stages"]] * 2
    help = helps(base(stages=stages, input={"size": size}, **neck))["H352"]
    named = re.search(r"multiples of (\d+) pixels", help)
    assert named is not None
    assert helps(base(stages=stages, input={"size": 3 * int(named[1])}, **neck)) == {}
