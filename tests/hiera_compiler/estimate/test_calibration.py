"""Calibration files: read whole or refused, used by predictions, and trusted less under another torch."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hiera_compiler as hc
from hiera_compiler.devices import device
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate import calibration
from hiera_compiler.estimate.calibrated import Calibration
from hiera_compiler.estimate.calibration import read
from hiera_compiler.estimate.predict import predict
from hiera_compiler.estimate.profiles import all_profiles, profiles_for, shipped_profiles
from tests.support.calibrations import calibrated

Data = dict[str, Any]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's calibrations, empty."""
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *names, **options: str(tmp_path / "data"))
    monkeypatch.setattr(calibration, "installed_torch", lambda: "2.13.0")
    calibration.folder().mkdir(parents=True)
    return calibration.folder()


def keep(folder: Path, found: Calibration) -> Path:
    path = folder / f"{found.name}.json"
    path.write_text(found.text())
    return path


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    found = calibrated()
    assert read(keep(tmp_path, found)).model_dump() == found.model_dump()


def test_predictions_use_a_kept_calibration(kept: Path) -> None:
    before = predict(hc.compile("hiera_t").graph, profiles_for("cpu")[0], 1)
    keep(kept, calibrated(scale=3.0))
    keep(kept, calibrated(name="other", scale=6.0))
    (profile,) = profiles_for("cpu")
    after = predict(hc.compile("hiera_t").graph, profile, 1)
    assert (before.tier, after.tier) == ("C", "A")
    assert "calibrated on 2026-01-02: this machine" in after.provenance
    assert "mean error on models left out 7.5 %" in after.provenance
    slower = predict(hc.compile("hiera_t").graph, profiles_for("other")[0], 1)
    assert slower.latency_ms == pytest.approx(2 * after.latency_ms)


def test_a_changed_file_is_read_again(kept: Path) -> None:
    keep(kept, calibrated(scale=3.0))
    assert profiles_for("cpu")[0] is profiles_for("cpu")[0]
    keep(kept, calibrated(scale=13.75))
    assert profiles_for("cpu")[0].constants.scale == 13.75


def test_a_calibration_of_a_known_device_leaves_its_other_regimes(kept: Path) -> None:
    keep(kept, calibrated(name="h200", regime="eager-half", target=device("h200")))
    tiers = {profile.regime.name: profile.tier for profile in profiles_for("h200")}
    assert tiers == {p.regime.name: "A" if p.regime.name == "eager-half" else "C" for p in shipped_profiles("h200")}


def test_what_ships_does_not_change_with_calibrations(kept: Path) -> None:
    keep(kept, calibrated())
    assert {profile.tier for profile in shipped_profiles("cpu")} == {"C"}
    assert all("calibrated" not in profile.provenance for profile in all_profiles())


def test_a_file_is_a_device_by_its_path(tmp_path: Path) -> None:
    (profile,) = profiles_for(str(keep(tmp_path, calibrated(scale=3.0))))
    assert profile.constants.scale == 3.0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (calibrated().text()[:300], "it is cut short"),
        ("", "it is cut short"),
        ("name: hiera_t\n", "it is not JSON"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"format": "something else"}', "its format is not 'hiera-calibration-1'"),
        ("[]", "its format is not 'hiera-calibration-1'"),
        ("x" * (1 << 21), "it has 2097152 bytes, more than any calibration"),
    ],
)
def test_a_foreign_file_is_refused_in_one_diagnostic(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(SpecError) as caught:
        profiles_for(str(path))
    (found,) = caught.value.diagnostics
    assert (found.code, found.severity) == ("H530", "error")
    assert found.message.endswith(f"holds no calibration: {reason}")


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        read(tmp_path / "absent.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="it is not text"):
        read(tmp_path / "bytes.json")


def set_launch(value: Any) -> Callable[[Data], None]:
    return lambda data: data["regimes"][0]["constants"]["launch"].update(value=value)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (set_launch(-1.0), "regimes.0.constants.launch.value"),
        (set_launch(math.inf), "regimes.0.constants.launch.value"),
        (lambda data: data["device"].update(bandwidth=math.inf), "device.bandwidth"),
        (lambda data: data["regimes"][0]["constants"].pop("memory"), "regimes.0.constants"),
        (lambda data: data["regimes"][0].update(regime="paper-eager-amp"), "regimes.0.regime"),
        (lambda data: data.update(name="../elsewhere"), "name"),
        (lambda data: data.update(run="code"), "run"),
    ],
)
def test_a_changed_value_is_named(tmp_path: Path, change: Callable[[Data], None], place: str) -> None:
    data = json.loads(calibrated().text())
    change(data)
    path = tmp_path / "file.json"
    path.write_text(json.dumps(data))
    with pytest.raises(SpecError) as caught:
        read(path)
    (found,) = caught.value.diagnostics
    assert f"no usable value at '{place}" in found.message


def test_a_foreign_file_among_the_kept_ones_is_left_out_with_a_warning(kept: Path) -> None:
    keep(kept, calibrated())
    (kept / "cut.json").write_text(calibrated().text()[:100])
    found, warnings = calibration.kept()
    assert [one.name for one in found] == ["cpu"]
    assert [(one.code, one.severity) for one in warnings] == [("H531", "warning")]
    assert "cut.json" in warnings[0].message
    assert profiles_for("cpu")[0].tier == "A"
    assert profiles_for("h200")


def test_another_torch_widens_the_interval_and_warns(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(kept, calibrated())
    (same,) = profiles_for("cpu")
    assert same.warning is None
    monkeypatch.setattr(calibration, "installed_torch", lambda: "2.14.1")
    (other,) = profiles_for("cpu")
    assert other.warning is not None
    assert (other.warning.code, other.warning.severity) == ("H532", "warning")
    assert "2.13.0, and 2.14.1" in other.warning.message
    assert other.spread > same.spread
    assert other.ratio_spread > same.ratio_spread
    graph = hc.compile("hiera_t").graph
    narrow, wide = predict(graph, same, 1), predict(graph, other, 1)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert wide.throughput == narrow.throughput


def test_the_build_of_torch_is_no_other_version() -> None:
    found = calibrated()
    assert found.torch == "2.13.0+cpu"
    assert calibration.outdated(found, "2.13.0") is None
