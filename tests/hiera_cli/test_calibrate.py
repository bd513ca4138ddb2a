import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hiera_compiler.estimate import calibration as files
from hiera_compiler.estimate.calibrated import Calibration
from hiera_compiler.profile import calibration
from tests.hiera_cli.conftest import Hiera
from tests.support.calibrations import calibrated


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's calibrations, which is not there yet; nothing is measured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *names, **options: str(tmp_path / "data"))
    monkeypatch.setattr(files, "installed_torch", lambda: "2.13.0")
    monkeypatch.setattr(calibration, "calibrate", measured)
    return tmp_path / "data" / "profiles"


def measured(device: str, *, name: str | None, progress: Callable[..., None], **_: Any) -> Calibration:
    progress("single kernels: products", 1, 1)
    return calibrated(name or device, scale=3.0)


def predicted(hiera: Hiera, spec: str) -> list[dict[str, Any]]:
    found = json.loads(hiera("profile", spec, "--device", "cpu", "--batch", "1", "--json").out)["predicted"]
    return list(found)


def stopped(*_: Any, **__: Any) -> Calibration:
    raise KeyboardInterrupt


def test_later_predictions_and_the_list_of_devices_use_it(hiera: Hiera, kept: Path) -> None:
    (before,) = json.loads(hiera("profile", "hiera_t", "--device", "cpu", "--batch", "1", "--json").out)["predicted"][
        :1
    ]
    done = hiera("calibrate")
    assert done.code == 0
    assert f"wrote {kept / 'cpu.json'}" in done.out
    assert "mean error on models left out: 7.5 %; tier A" in done.out
    assert "single kernels: products ...\n" in done.err
    (after,) = predicted(hiera, "hiera_t")
    assert (before["tier"], after["tier"]) == ("C", "A")
    assert after["high"] / after["low"] < before["high"] / before["low"]
    (row,) = [row for row in json.loads(hiera("devices", "--json").out)["devices"] if row["name"] == "cpu"]
    assert (row["title"], [regime["tier"] for regime in row["regimes"]]) == ("this machine", ["A"])


def test_a_name_of_ones_own_is_a_device(hiera: Hiera, kept: Path) -> None:
    assert hiera("calibrate", "--name", "my-box").code == 0
    assert [path.name for path in kept.iterdir()] == ["my-box.json"]
    assert "my-box" in hiera("devices").out
    assert "eager-fp32" in hiera("profile", "hiera_t", "--device", "my-box").out


def test_out_writes_there_and_nowhere_else(hiera: Hiera, kept: Path) -> None:
    done = hiera("calibrate", "--out", "here.json", "--json")
    found = json.loads(done.out)
    assert (found["file"], found["regimes"][0]["held_out_error"]) == ("here.json", pytest.approx(0.075))
    assert not kept.exists()
    assert "calibrated on 2026-01-02" in hiera("profile", "hiera_t", "--device", "here.json").out


def test_an_interruption_leaves_what_was_there(hiera: Hiera, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hiera("calibrate").code == 0
    before = (kept / "cpu.json").read_text()
    monkeypatch.setattr(calibration, "calibrate", stopped)
    done = hiera("calibrate")
    assert (done.code, done.out) == (130, "")
    assert [path.name for path in kept.iterdir()] == ["cpu.json"]
    assert (kept / "cpu.json").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--out", "absent/file.json"), "H702"),
        (("--out", "data.json"), "H702"),
        (("--name", "../up"), "H533"),
        (("--name", "My Box"), "H533"),
        (("--device", "cuda"), "H510"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_measured(
    hiera: Hiera, kept: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(calibration, "calibrate", lambda *_, **__: pytest.fail("it was measured"))
    Path("data.json").mkdir()
    done = hiera("calibrate", *arguments)
    assert (done.code, done.out) == (1, "")
    assert done.err.count("error[") == 1
    assert f"error[{code}]" in done.err
    assert not kept.exists()


def test_a_foreign_file_among_the_kept_ones_is_a_warning(hiera: Hiera, kept: Path) -> None:
    kept.mkdir(parents=True)
    (kept / "cut.json").write_text(calibrated().text()[:200])
    for arguments in (("devices",), ("profile", "hiera_t", "--device", "h200")):
        done = hiera(*arguments)
        assert done.code == 0
        assert done.err.count("warning[H531]") == 1
        assert "it is cut short" in done.err
    assert hiera("profile", "hiera_t").err == ""


def test_a_foreign_file_as_device_is_one_diagnostic(hiera: Hiera) -> None:
    Path("foreign.json").write_text("{}")
    done = hiera("profile", "hiera_t", "--device", "foreign.json")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("error[H530]") == 1


def test_another_torch_is_a_warning(hiera: Hiera, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hiera("calibrate").code == 0
    monkeypatch.setattr(files, "installed_torch", lambda: "2.14.0")
    done = hiera("profile", "hiera_t", "--device", "cpu")
    assert done.code == 0
    assert done.err.count("warning[H532]") == 1
    assert "intervals are widened" in done.err
