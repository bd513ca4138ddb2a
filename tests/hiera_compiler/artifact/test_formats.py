import logging
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
import torch
import yaml
from safetensors.torch import load_file

import hiera_compiler as hc
from hiera_compiler.artifact import Artifact, BuildError, Options, build, format
from hiera_compiler.artifact.format import formats, modules
from hiera_compiler.artifact.formats.onnx import Onnx

ALL = sorted(modules())


def module_of(artifact: Artifact) -> torch.nn.Module:
    module = hc.compile(artifact.path / "spec.yaml").module().eval()
    module.load_state_dict(load_file(artifact.path / "weights.safetensors"))
    return module


def test_formats_are_the_files_of_their_folder() -> None:
    folder = Path(format.__file__).parent / "formats"
    assert {"python", "export", "onnx"} <= set(ALL)
    assert sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__") == ALL


@pytest.mark.parametrize("model", ["image_in_all_formats", "clip_in_all_formats"])
def test_every_format_reads_back_with_equal_outputs_at_any_batch(model: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(model).report
    assert [check.batch for check in report.checks] == [1, 2, 3] * len(ALL)  # each named twice, written once
    assert {"model.py", "model.pt2", "model.onnx"} == {check.what for check in report.checks} <= set(report.files)
    assert all(check.difference <= 2e-6 for check in report.checks)
    assert all(check.difference == 0 for check in report.checks if check.what == "model.py")


def test_the_python_file_needs_only_torch(image_in_all_formats: Artifact, tmp_path: Path) -> None:
    script = """
import sys
sys.modules.update(dict.fromkeys(["hiera_compiler", "pydantic", "yaml"]))  # not to be had, though installed
sys.path.insert(0, sys.argv[1])
import torch, model
m = model.Tiny().eval()
m.load_state_dict(torch.load("weights.pt"))
torch.save(m(torch.load("pixels.pt")), "logits.pt")
"""
    module, pixels = module_of(image_in_all_formats), torch.rand(2, 3, 32, 32)
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    torch.save(pixels, tmp_path / "pixels.pt")
    command = [sys.executable, "-I", "-B", "-c", script, str(image_in_all_formats.path)]
    subprocess.run(command, check=True, cwd=tmp_path)
    assert torch.equal(torch.load(tmp_path / "logits.pt"), module(pixels))


def test_the_exported_program_takes_batches_from_one_up(image_in_all_formats: Artifact) -> None:
    program = torch.export.load(image_in_all_formats.path / "model.pt2")
    (bounds,) = program.range_constraints.values()
    assert bounds.lower == 1
    pixels = torch.rand(7, 3, 32, 32)
    torch.testing.assert_close(program.module()(pixels), module_of(image_in_all_formats)(pixels))


def test_onnx_names_its_inputs_and_outputs_and_leaves_the_batch_open(
    image_in_all_formats: Artifact, clip_in_all_formats: Artifact
) -> None:
    image, clip = (
        onnxruntime.InferenceSession(str(artifact.path / "model.onnx"), providers=["CPUExecutionProvider"])
        for artifact in (image_in_all_formats, clip_in_all_formats)
    )
    assert [item.name for item in image.get_inputs()] == ["pixels"]
    assert [item.name for item in image.get_outputs()] == ["logits"]
    assert [item.name for item in clip.get_outputs()] == ["stage_1", "stage_2"]
    batch, *rest = image.get_inputs()[0].shape
    assert isinstance(batch, str)
    assert rest == [3, 32, 32]


def test_onnx_names_the_maps_of_a_neck_by_their_level(image: hc.Compilation, tmp_path: Path) -> None:
    neck = {"kind": "simple_feature_pyramid", "channels": 4}
    data = {key: value for key, value in image.source.data.items() if key != "head"} | {"neck": neck}
    (tmp_path / "neck.yaml").write_text(yaml.safe_dump(data))
    made = build(hc.compile(tmp_path / "neck.yaml"), tmp_path / "out", Options(["onnx"], compile=False))
    session = onnxruntime.InferenceSession(str(made.path / "model.onnx"), providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_outputs()] == [f"level_{level}" for level in range(1, 6)]
    assert [item.shape[1:] for item in session.get_outputs()] == [[side, side, 4] for side in (16, 8, 4, 2, 1)]


def test_large_onnx_models_keep_their_weights_in_a_file_beside_them(
    image_in_all_formats: Artifact, clip_in_all_formats: Artifact
) -> None:
    sizes = clip_in_all_formats.report.files
    assert sizes["model.onnx.data"] > sizes["weights.safetensors"] / 2
    assert "model.onnx.data" not in image_in_all_formats.report.files


def test_the_exporters_remarks_are_kept_from_the_user_and_logging_is_as_before(
    image: hc.Compilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("torch.onnx._internal")
    model = format.Model(image, image.module(), tmp_path, (torch.zeros(2, 3, 32, 32),))
    before = logger.getEffectiveLevel()

    def export(program: object, **options: object) -> None:
        logger.warning("torchvision is not installed")

    monkeypatch.setattr(torch.onnx, "export", export)
    monkeypatch.setattr(format.Model, "program", None)
    Onnx().write(model, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    assert logger.getEffectiveLevel() == before


def test_an_unknown_format_is_refused_with_a_suggestion() -> None:
    with pytest.raises(BuildError, match="did you mean 'onnx'") as error:
        formats(["python", "onyx", "savedmodel"])
    assert [diagnostic.code for diagnostic in error.value.diagnostics] == ["H710", "H710"]
    helps = [diagnostic.help or "" for diagnostic in error.value.diagnostics]
    assert all(name in helps[1] for name in ALL)


def test_missing_packages_are_told_with_the_extra_that_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Onnx, "packages", ("onnx", "no_such_package"))
    with pytest.raises(BuildError, match=r"pip install 'hiera-compiler\[onnx\]'") as error:
        formats(["onnx"])
    assert "no_such_package, not installed" in error.value.diagnostics[0].message
