import json
from pathlib import Path

import pytest
import torch

from hiera_compiler.profile import roofline, session, traces
from hiera_compiler.profile.record import Protocol
from hiera_compiler.profile.roofline import Ceilings
from tests.hiera_cli.conftest import Hiera

TINY = """\
name: tiny
input: {size: 32}
patch: {kernel: 7, stride: 4, padding: 3}
position: absolute
mask_unit: 2
stages:
  - {depth: 1, channels: 8, heads: 1, attention: mask_unit}
head: {classes: 5}
"""

PEER = """\
from torch import nn


def make():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
    model.input_shape = (3, 8, 8)
    return model
"""


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KINETO_LOG_LEVEL", "99")
    Path("tiny.yaml").write_text(TINY)
    Path("peer.py").write_text(PEER)
    short = Protocol(warmup=1, rounds=2, seconds=0.001, latency_calls=3, sweep_rounds=1, largest_batch=2)
    monkeypatch.setattr(session, "Protocol", lambda: short)
    monkeypatch.setattr(traces, "Protocol", lambda: short)
    monkeypatch.setattr(roofline, "ceilings", lambda device, dtype, timer: Ceilings(1e11, 1e10))


def test_measured_figures_follow_the_exact_ones(hiera: Hiera) -> None:
    done = hiera("profile", "tiny.yaml", "--measure", "--device", "cpu")
    assert done.code == 0
    exact, _, figures = done.out.partition("\nmeasured")
    assert "GMACs" in exact
    assert "samples/s" in figures
    assert "batches tried for tiny" in figures
    assert "float32, eager, attention" in figures
    assert "throughput ...\n" in done.err


def test_json_has_what_was_measured_and_its_conditions(hiera: Hiera) -> None:
    arguments = ["--measure", "--device", "cpu", "--batch", "2", "--train-images", "1000", "--epochs", "2", "--json"]
    found = json.loads(hiera("profile", "tiny.yaml", *arguments).out)
    (one,) = found["measured"]
    assert one["batch"] == 2
    assert one["conditions"]["regime"] == "eager"
    assert one["throughput"]["lower"] <= one["throughput"]["median"] <= one["throughput"]["upper"]
    days = 1000 * 2 / one["training"]["throughput"]["median"] / 86400
    assert one["training_days"] == pytest.approx(days)
    assert found["params"] > 0


def test_a_peer_stands_in_the_same_table_and_run(hiera: Hiera) -> None:
    flags = ["--measure", "--device", "cpu", "--no-train", "--batch", "1"]
    done = hiera("profile", "tiny.yaml", "module:peer.py:make", *flags)
    assert done.code == 0
    exact, _, figures = done.out.partition("\nmeasured")
    assert "make" in exact
    assert "make has " in figures
    assert "times the throughput of tiny" in figures


def test_a_peer_is_counted_without_measuring(hiera: Hiera) -> None:
    found = json.loads(hiera("profile", "module:peer.py:make", "--json").out)
    assert (found["params"], found["macs"]) == (3 * 4 * 9 + 4, 36 * 4 * 27)
    assert (found["stages"], found["measured"], found["bytes_moved"]) == ([], [], None)


def test_a_peer_has_no_prediction_and_it_is_said(hiera: Hiera) -> None:
    done = hiera("profile", "module:peer.py:make", "tiny.yaml", "--device", "h200")
    assert done.code == 0
    assert "no prediction for make: " in done.out
    assert "tiny       h200" in done.out
    assert "no prediction" not in hiera("profile", "module:peer.py:make").out


def test_traces_are_named(hiera: Hiera) -> None:
    done = hiera("profile", "tiny.yaml", "--trace", "traces", "--device", "cpu", "--json")
    assert done.code == 0
    trace, page = json.loads(done.out)["traces"]
    assert Path(trace).is_file()
    assert page == "traces/tiny.eager.html"
    assert Path(page).is_file()


def test_a_page_shows_the_prediction_for_a_named_device(hiera: Hiera) -> None:
    done = hiera("profile", "tiny.yaml", "--trace", "traces", "--device", "a100-40gb")
    assert done.code == 0
    page = Path("traces/tiny.eager.html").read_text(encoding="utf-8")
    assert "prediction for a100-40gb, eager-half, fp16" in page
    assert page.count("predicted: ") == 3  # stem, stage 1 and head


AUTOENCODER = ["--set", "mask_unit=4", "--set", "mae.decoder={depth: 1, channels: 8, heads: 2}", "--task", "mae"]


def test_an_autoencoder_is_measured_with_its_days_of_training_and_traced(hiera: Hiera) -> None:
    flags = ["--measure", "--device", "cpu", "--batch", "2", "--train-images", "1000", "--epochs", "400"]
    done = hiera("profile", "tiny.yaml", *AUTOENCODER, *flags, "--trace", "traces", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    (one,) = found["measured"]
    assert one["name"] == "tiny_mae"
    assert one["training_days"] == pytest.approx(1000 * 400 / one["training"]["throughput"]["median"] / 86400)
    page = Path(found["traces"][1]).read_text(encoding="utf-8")
    assert "decoder" in page


def test_an_interruption_prints_what_is_complete(hiera: Hiera, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session._Session, "_latency", stop)
    done = hiera("profile", "tiny.yaml", "--measure", "--device", "cpu", "--batch", "1")
    assert done.code == 130
    assert "interrupted: what is complete is above" in done.out
    assert "samples/s" in done.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tiny.yaml", "--measure", "--dtype", "flaot16"], "H513"),
        (["tiny.yaml", "--measure", "--batch", "0"], "H511"),
        (["tiny.yaml", "--measure", "--device", "cpu", "--batch", "999999999"], "H512"),
        (["module:peer.py:absent"], "H517"),
        (["tiny.yaml", "--trace", "tiny.yaml/x", "--device", "cpu"], "H519"),
    ],
)
def test_what_cannot_be_measured_is_one_diagnostic(arguments: list[str], code: str, hiera: Hiera) -> None:
    done = hiera("profile", *arguments)
    assert (done.code, done.out) == (1, "")
    assert done.err.count("error[") == 1
    assert f"error[{code}]: " in done.err


@pytest.mark.parametrize("arguments", [["--epochs", "3"], ["--train-images", "10", "--epochs", "3"]])
def test_flags_that_need_another_are_bad_usage(arguments: list[str], hiera: Hiera) -> None:
    done = hiera("profile", "tiny.yaml", *arguments)
    assert done.code == 2
    assert "--train-images" in done.err


def test_training_for_ever_is_bad_usage(hiera: Hiera) -> None:
    done = hiera("profile", "tiny.yaml", "--measure", "--train-images", "9", "--epochs", "inf")
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize("arguments", [["--no-train"], ["--regime", "compiled"], ["--no-train", "--trace", "x"]])
def test_flags_without_effect_are_bad_usage(arguments: list[str], hiera: Hiera) -> None:
    done = hiera("profile", "tiny.yaml", *arguments)
    assert (done.code, done.out) == (2, "")
    assert f"{arguments[0]} needs --measure" in done.err
    assert not Path("x").exists()


def test_a_folder_for_traces_is_tried_before_minutes_of_measuring(hiera: Hiera) -> None:
    done = hiera("profile", "tiny.yaml", "--measure", "--device", "cpu", "--trace", "tiny.yaml/x")
    assert (done.code, done.out) == (1, "")
    assert "error[H519]: " in done.err
    assert "preparing" not in done.err


def test_an_emulated_format_is_a_warning(hiera: Hiera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "x86_64", "avx512_bf16": True})
    flags = ["--measure", "--device", "cpu", "--batch", "1", "--no-train", "--dtype"]
    slow = hiera("profile", "tiny.yaml", *flags, "float16")
    assert slow.code == 0
    assert "warning[H521]: " in slow.err
    assert "no instructions for products in float16" in slow.err
    for fast in ("float32", "bfloat16"):
        assert "H521" not in hiera("profile", "tiny.yaml", *flags, fast).err


@pytest.mark.parametrize("code", ["H510", "H520"])
def test_the_codes_are_explained(code: str, hiera: Hiera) -> None:
    assert hiera("explain", code).out.startswith(f"{code}: ")
