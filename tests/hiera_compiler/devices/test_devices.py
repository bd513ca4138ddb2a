"""Devices: the entries agree with themselves, and unknown names get suggestions."""

import pytest

from hiera_compiler.devices import device, names
from hiera_compiler.diagnostics import SpecError

GPUS = {"a100-40gb", "a100-80gb", "h100-sxm", "h200", "b200", "v100", "l4", "t4", "a10g", "rtx-3090", "rtx-4090"}


def test_the_named_devices_have_entries_with_a_source() -> None:
    assert set(names()) >= GPUS | {"cpu"}
    assert all(len(device(name).source) > 20 for name in names())


@pytest.mark.parametrize("name", names())
def test_the_fp32_rate_is_what_lanes_and_clock_give(name: str) -> None:
    entry = device(name)
    assert 2 * entry.lane_rate == pytest.approx(entry.flops["fp32"], rel=0.15)


@pytest.mark.parametrize("name", sorted(GPUS))
def test_tensor_cores_are_faster_than_lanes_and_tf32_lies_between(name: str) -> None:
    rates = device(name).flops
    assert rates["fp16"] >= 2 * rates["fp32"] * 0.99
    assert rates["fp32"] <= rates.get("tf32", rates["fp32"]) <= rates["fp16"]


def test_a_precision_without_units_runs_at_the_fp32_rate() -> None:
    assert device("v100").rate("bf16") == device("v100").rate("fp32")
    assert not device("cpu").has_tensor_cores


def test_names_are_found_in_any_case() -> None:
    assert device("H200") is device("h200")


def test_a_part_of_a_name_suggests_the_names_that_start_with_it() -> None:
    with pytest.raises(SpecError) as caught:
        device("a100")
    (problem,) = caught.value.diagnostics
    assert problem.code == "H501"
    assert "did you mean a100-40gb or a100-80gb?" in str(problem.help)


def test_a_misspelt_name_suggests_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean h100-sxm"):
        device("h100-pcie")
    with pytest.raises(SpecError, match="with --measure"):
        device("cuda:0")
    with pytest.raises(SpecError, match="did you mean rtx-4090"):
        device("rtx4090")


def test_an_empty_name_suggests_nothing_and_lists_all() -> None:
    with pytest.raises(SpecError) as caught:
        device("")
    assert str(caught.value.diagnostics[0].help).startswith("known devices: a100-40gb")
