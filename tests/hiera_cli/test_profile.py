import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hiera_compiler import compile
from hiera_compiler.estimate import peak_activation_bytes


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def tables(text: str) -> list[dict[str, list[str]]]:
    """The tables of a text: cells by the first of each row."""
    parts = [part.splitlines() for part in text.split("\n\n") if "──" in part]
    return [{line.split()[0]: line.split()[1:] for line in lines if not line.startswith("─")} for lines in parts]


def test_json_is_one_object_for_each_spec(hiera: Any) -> None:
    done = hiera("profile", "hiera_b", "hiera_b_16x224", "--json")
    image, clip = objects(done.out)
    assert (done.code, done.err) == (0, "")
    assert (image["name"], clip["name"]) == ("hiera_b", "hiera_b_16x224")
    assert (image["params"], image["macs"], image["flops"]) == (51_524_968, 9_400_229_376, 18_750_400_512)
    assert image["acts"] == 30_419_416
    assert image["weight_bytes"] == 4 * image["params"]
    assert image["peak_activation_bytes"] == peak_activation_bytes(compile("hiera_b").graph, 1, 4)
    assert (image["measured"], image["predicted"]) == ([], [])
    assert clip["input"] == [3, 16, 224, 224]


def test_stages_and_ops_add_up_to_the_whole(hiera: Any) -> None:
    (found,) = objects(hiera("profile", "hiera_t", "--batch", "4", "--json").out)
    assert [row["name"] for row in found["stages"]] == ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "head"]
    for part in ("stages", "ops"):
        for field in ("params", "macs", "flops", "acts", "bytes_moved"):
            assert sum(row[field] for row in found[part]) == found[field], (part, field)


def test_batch_and_number_format_scale_bytes_and_leave_counts(hiera: Any) -> None:
    (one,) = objects(hiera("profile", "hiera_t", "--json").out)
    (many,) = objects(hiera("profile", "hiera_t", "--batch", "8", "--dtype", "bf16", "--json").out)
    assert (many["batch"], many["dtype"]) == (8, "bfloat16")
    assert many["weight_bytes"] * 2 == one["weight_bytes"]
    assert many["peak_activation_bytes"] == 4 * one["peak_activation_bytes"]
    assert many["peak_activation_bytes_eager"] == 4 * one["peak_activation_bytes_eager"]
    assert (many["macs"], many["acts"]) == (one["macs"], one["acts"])


def test_settings_change_what_is_counted(hiera: Any) -> None:
    (found,) = objects(hiera("profile", "hiera_b", "--set", "stages.2.depth=18", "--json").out)
    assert found["macs"] == compile("hiera_b", ["stages.2.depth=18"]).cost.macs > 9_400_229_376


def test_several_specs_share_a_table_and_one_is_shown_by_stage_and_op(hiera: Any) -> None:
    (summary,) = tables(hiera("profile", "hiera_t", "hiera_b").out)
    assert summary["hiera_b"][:5] == ["3x224x224", "51.52", "9.400", "18.750", "30.42"]
    summary, stages, ops = tables(hiera("profile", "hiera_b").out)
    assert list(summary) == ["spec", "hiera_b"]
    assert stages["all"] == ["24", "51.52", "9.400", "18.750", "30.42", "609.1", "100.0"]
    assert ops["Attend"][0] == "24"
    assert "Split" not in ops


def test_conventions_are_named(hiera: Any) -> None:
    legend = hiera("profile", "hiera_t", "--batch", "3", "--dtype", "fp16").out.rpartition("\n\n")[2]
    for name in ("fvcore", "FlopCounterMode", "acts", "moved", "eager peak", "a batch of 3 samples in float16"):
        assert name in legend


@pytest.mark.parametrize("batch", ["0", "-1", "1.5", "many", "9" * 40])
def test_a_batch_that_is_none_is_one_diagnostic(hiera: Any, batch: str) -> None:
    done = hiera("profile", "hiera_t", f"--batch={batch}")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("error[") == 1
    assert "--batch auto" in done.err


def test_an_unknown_number_format_is_told_with_the_known_ones(hiera: Any) -> None:
    done = hiera("profile", "hiera_t", "--dtype", "fp17")
    assert done.code == 1
    assert "no number format is named 'fp17'" in done.err
    assert "did you mean 'fp16'?" in done.err


def test_problems_of_all_specs_are_shown_and_nothing_else(hiera: Any) -> None:
    done = hiera("profile", "hiera_bb", "hiera_t", "nope", "--json")
    assert done.code == 1
    assert len(json.loads(done.out)["diagnostics"]) == 2
    assert "'hiera_bb'" in done.err
    assert "'nope'" in done.err


def test_counting_and_predicting_import_no_torch() -> None:
    arguments = ["profile", "hiera_b", "--device", "a100-40gb"]
    code = f"import sys; from hiera_cli.main import main; main({arguments}); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(("name", "meant"), [("a100-40g", "a100-40gb"), ("a100", "a100-40gb"), ("rtx3090", "rtx-3090")])
def test_an_unknown_device_is_told_with_the_nearest_known_one(hiera: Any, name: str, meant: str) -> None:
    done = hiera("profile", "hiera_t", "--device", name)
    assert (done.code, done.out) == (1, "")
    assert f"there is no device '{name}'" in done.err
    assert f"did you mean {meant}" in done.err


def test_every_regime_of_a_device_is_predicted_with_its_interval(hiera: Any) -> None:
    (found,) = objects(hiera("profile", "hiera_b", "--device", "a100-40gb", "--json").out)
    predicted = found["predicted"]
    assert any("paper" in one["regime"] for one in predicted)
    assert len(predicted) > 1
    for one in predicted:
        assert one["device"] == "a100-40gb"
        assert one["low"] < one["throughput"] < one["high"]
        assert one["throughput"] == pytest.approx(1000 * one["batch"] / one["latency_ms"])
        assert one["tier"] in ("A", "B", "C")
        assert sum(row["seconds"] for row in one["stages"]) == pytest.approx(one["latency_ms"] / 1000)
        assert sum(one["resources"].values()) == pytest.approx(one["latency_ms"] / 1000)


def test_a_batch_is_predicted_as_given(hiera: Any) -> None:
    (found,) = objects(hiera("profile", "hiera_b", "--device", "a100-40gb", "--batch", "3", "--json").out)
    assert {one["batch"] for one in found["predicted"]} == {3}


def test_a_batch_larger_than_the_devices_memory_is_one_diagnostic(hiera: Any) -> None:
    done = hiera("profile", "hiera_h", "--device", "l4", "--batch", "1000000")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("error[") == 1


def test_predictions_of_two_specs_come_with_their_ratio(hiera: Any) -> None:
    out = hiera("profile", "hiera_b", "hiera_l", "--device", "a100-40gb").out
    ratios = [line for line in out.splitlines() if line.startswith("hiera_l has ")]
    assert len(ratios) == len(
        objects(hiera("profile", "hiera_b", "--device", "a100-40gb", "--json").out)[0]["predicted"]
    )
    assert all("times the throughput of hiera_b in " in line for line in ratios)


def test_a_prediction_on_kernels_that_no_row_measured_says_so(hiera: Any) -> None:
    out = hiera("profile", "hiera_l", "ablation/b_max_pools", "--device", "a100-40gb", "--batch", "64").out
    (note,) = (line for line in out.splitlines() if "interval does not cover" in line)
    assert note.startswith("ablation_b_max_pools in paper-eager-amp: ")
    assert "interval does not cover" not in hiera("profile", "hiera_l", "--device", "a100-40gb").out


def test_devices_are_listed_with_their_regimes_and_tiers(hiera: Any) -> None:
    found = {row["name"]: row for row in json.loads(hiera("devices", "--json").out)["devices"]}
    assert found["a100-40gb"]["bandwidth"] == 1555e9
    assert any("paper" in one["regime"] for one in found["a100-40gb"]["regimes"])
    assert all(one["tier"] in ("A", "B", "C") for row in found.values() for one in row["regimes"])
    shown = hiera("devices").out.splitlines()
    assert [line.split()[0] for line in shown[2 : 2 + len(found)]] == list(found)


PARTS = ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "fusion", "decoder", "target"]


def test_a_masked_autoencoder_is_profiled_by_part_beside_what_the_released_code_computes(hiera: Any) -> None:
    (found,) = objects(hiera("profile", "hiera_t", "--task", "mae", "--json").out)
    assert (found["name"], found["task"]) == ("hiera_t_mae", "mae")
    assert [row["name"] for row in found["stages"]] == PARTS
    assert (found["params"], round(found["released_macs"] / 1e9, 3)) == (55_020_896, 8.105)
    for field in ("params", "macs", "flops", "acts", "bytes_moved"):
        assert sum(row[field] for row in found["stages"]) == found[field], field
    shown = hiera("profile", "hiera_t", "--task", "mae").out
    assert f"GMACs as there: hiera_t_mae {found['released_macs'] / 1e9:.3f}" in shown
    assert f"{found['macs'] / 1e9:.3f}" in shown
    assert "released" not in hiera("profile", "hiera_t").out
    assert "GMACs as there: hiera_t_mae 8.105" in hiera("show", "hiera_t", "--mae").out


def test_a_masked_autoencoder_s_forward_pass_is_predicted_but_not_of_the_released_code(hiera: Any) -> None:
    (found,) = objects(hiera("profile", "hiera_t", "--task", "mae", "--device", "a100-40gb", "--json").out)
    assert len(found["predicted"]) > 1
    for one in found["predicted"]:
        assert "paper" not in one["regime"]
        assert one["low"] < one["throughput"] < one["high"]
        assert [row["name"] for row in one["stages"]] == PARTS
        assert sum(row["seconds"] for row in one["stages"]) == pytest.approx(one["latency_ms"] / 1000)
    assert "no autoencoder was measured" in hiera("profile", "hiera_t", "--task", "mae", "--device", "h200").out


def test_a_spec_without_mask_units_has_no_autoencoder_to_profile(hiera: Any) -> None:
    done = hiera("profile", "vit_b", "--task", "mae")
    assert (done.code, done.out) == (1, "")
    assert "error[H344]" in done.err


def test_a_spec_file_is_profiled_as_a_bundled_one(hiera: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: hiera_t\nname: mine\nhead: none\n")
    (found,) = objects(hiera("profile", str(tmp_path / "mine.yaml"), "--json").out)
    assert found["name"] == "mine"
    assert [row["name"] for row in found["stages"]] == ["stem", "stage 1", "stage 2", "stage 3", "stage 4"]
