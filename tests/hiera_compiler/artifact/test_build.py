import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import hiera_compiler as hc
from hiera_compiler.artifact import (
    Artifact,
    BuildError,
    Options,
    Report,
    build,
    contents,
    files,
    folder,
    verify,
)
from hiera_compiler.artifact.formats.python import PythonFile

EAGER = Options(compile=False)
FILES = {"spec.yaml", "graph.json", "graph.svg", "weights.safetensors"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "model"


def summary(path: Path) -> Any:
    return json.loads((path / "summary.json").read_text())


def code_of(error: pytest.ExceptionInfo[BuildError]) -> str:
    (diagnostic,) = error.value.diagnostics
    return diagnostic.code


def test_the_summary_lists_every_file_with_its_size(image: hc.Compilation, out: Path) -> None:
    report = build(image, out, EAGER).report
    assert set(report.files) == FILES
    assert {file.name for file in out.iterdir()} == FILES | {"summary.json"}
    assert report.files == {name: (out / name).stat().st_size for name in FILES}
    assert all(report.files.values())
    assert summary(out) == json.loads(json.dumps(report.data()))


def test_the_summary_says_what_was_verified_and_in_which_regime(image: hc.Compilation, out: Path) -> None:
    build(image, out, Options(["python"], compile=False, batch=3))
    found = summary(out)
    assert found["spec_hash"] == image.spec.hash
    assert found["cost"]["macs"] == image.cost.macs
    assert found["regime"] == {"device": "cpu", "dtype": "float32", "batch": 3, "threads": torch.get_num_threads()}
    assert found["compiled"] == {"done": False, "blocks": 2, "distinct": 2, "seconds": None, "why_not": "not asked for"}
    assert [(check["what"], check["batch"]) for check in found["checks"]] == [
        ("model.py", batch) for batch in (1, 2, 3)
    ]
    assert found["versions"]["torch"].startswith(torch.__version__.partition("+")[0])


def test_files_are_as_readable_as_any_other(image: hc.Compilation, out: Path, tmp_path: Path) -> None:
    build(image, out, EAGER)
    (tmp_path / "other").touch()
    assert {file.stat().st_mode for file in out.iterdir()} == {(tmp_path / "other").stat().st_mode}


@pytest.mark.parametrize("name", hc.bundled_specs())
def test_every_bundled_spec_reloads_from_its_artifact_with_the_same_hash(name: str, tmp_path: Path) -> None:
    compilation = hc.compile(name)
    files.write_spec(compilation, tmp_path / "spec.yaml")
    again = hc.compile(tmp_path / "spec.yaml")
    assert again.spec == compilation.spec
    assert f"# hash: {again.spec.hash}" in (tmp_path / "spec.yaml").read_text()


def test_the_written_graph_costs_what_the_summary_says(clip: hc.Compilation, tmp_path: Path) -> None:
    files.write_graph(clip.graph, tmp_path / "graph.json")
    graph = json.loads((tmp_path / "graph.json").read_text())
    assert sum(node["macs"] for node in graph["nodes"]) == clip.cost.macs
    assert sum(node["params"] for node in graph["nodes"]) == clip.cost.params
    names = [node["name"] for node in graph["nodes"]]
    assert all(set(node["inputs"]) <= set(names[:index]) for index, node in enumerate(graph["nodes"]))
    assert set(graph["outputs"].values()) <= set(names)
    patch = next(node for node in graph["nodes"] if node["name"] == "patch_embed.proj")
    assert patch["op"] == "PatchEmbed"
    assert patch["attributes"]["stride"] == [2, 4, 4]
    assert patch["shape"] == [2, 4, 4, 8]
    assert patch["origin"] == ["patch"]


def test_initial_weights_are_the_same_at_every_build_and_leave_the_callers_random_numbers(
    image: hc.Compilation, out: Path
) -> None:
    torch.manual_seed(7)
    expected = torch.rand(4)
    torch.manual_seed(7)
    build(image, out, EAGER)
    assert torch.equal(torch.rand(4), expected)
    first = (out / "weights.safetensors").read_bytes()
    assert load_file(out / "weights.safetensors").keys() == image.module().state_dict().keys()
    build(image, out, EAGER)
    assert (out / "weights.safetensors").read_bytes() == first


def test_given_weights_are_those_of_the_artifact(image: hc.Compilation, out: Path, tmp_path: Path) -> None:
    given = image.module().state_dict()
    save_file(given, tmp_path / "given.safetensors")
    report = build(image, out, Options(["python"], tmp_path / "given.safetensors", compile=False)).report
    found = load_file(out / "weights.safetensors")
    assert all(torch.equal(found[name], given[name]) for name in given)
    assert report.weights is not None
    assert report.weights["loaded"] == len(given)
    assert report.weights["file"] == str(tmp_path / "given.safetensors")


def test_an_artifact_can_be_built_anew_from_its_own_files(image: hc.Compilation, out: Path) -> None:
    build(image, out, EAGER)
    before = (out / "weights.safetensors").read_bytes()
    build(hc.compile(out / "spec.yaml"), out, Options(weights=out / "weights.safetensors", compile=False))
    assert (out / "weights.safetensors").read_bytes() == before


def test_weights_that_are_not_finite_are_told_and_nothing_is_written(
    image: hc.Compilation, out: Path, tmp_path: Path
) -> None:
    given = image.module().state_dict()
    given["blocks.0.mlp.fc1.bias"][0] = math.nan
    save_file(given, tmp_path / "given.safetensors")
    with pytest.raises(BuildError) as error:
        build(image, out, Options(weights=tmp_path / "given.safetensors", compile=False))
    assert code_of(error) == "H731"
    assert error.value.diagnostics[0].notes == ("not finite themselves: blocks.0.mlp.fc1.bias",)
    assert "given.safetensors" in str(error.value)
    assert not out.parent.exists()


STEPS = [
    (files, "write_spec"),
    (files, "write_graph"),
    (files, "write_picture"),
    (files, "write_weights"),
    (verify, "everything"),
    (verify, "compare"),
    (PythonFile, "write"),
    (PythonFile, "load"),
    (contents, "versions"),
    (Report, "data"),
    (folder, "require_space"),
]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, OSError])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_failure_at_any_step_leaves_nothing(
    image: hc.Compilation,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    failure: type[BaseException],
) -> None:
    monkeypatch.setattr(owner, name, raising(failure))
    with pytest.raises((failure, BuildError)):
        build(image, out, Options(["python"], compile=False))
    assert not out.parent.exists()


def raising(failure: type[BaseException]) -> Callable[..., Any]:
    def fail(*args: object, **kwargs: object) -> Any:
        raise failure

    return fail


def test_a_failed_build_keeps_the_earlier_artifact(
    image: hc.Compilation, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(image, out, EAGER)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    monkeypatch.setattr(PythonFile, "write", raising(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build(image, out, Options(["python"], compile=False))
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert list(out.parent.iterdir()) == [out]


def test_compiled_outputs_that_differ_are_our_bug_and_nothing_is_written(
    image: hc.Compilation, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(module: torch.nn.Module, pixels: torch.Tensor) -> verify.Outputs:
        return [output * (1 + 1e-4) for output in verify.everything(module, pixels)]

    monkeypatch.setattr(contents, "compiled_outputs", wrong)
    with pytest.raises(
        BuildError, match=r"compiled and eager outputs differ by 1\.0e-04, and 1e-05 is the most"
    ) as error:
        build(image, out)
    assert code_of(error) == "H730"
    assert "a bug of the Hiera compiler" in str(error.value)
    assert not out.parent.exists()


def test_a_format_that_gives_other_outputs_is_not_written(
    image: hc.Compilation, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = PythonFile.write

    def wrong(self: PythonFile, model: Any, file: Path) -> None:
        write(self, model, file)
        file.write_text(file.read_text().replace("F.gelu(", "F.relu("))

    monkeypatch.setattr(PythonFile, "write", wrong)
    with pytest.raises(BuildError, match=r"model\.py and eager"):
        build(image, out, Options(["python"], compile=False))
    assert not out.parent.exists()


def test_without_a_compiler_the_build_is_eager_and_says_so(
    image: hc.Compilation, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    report = build(image, out).report
    (warning,) = report.warnings
    assert (warning.code, warning.severity) == ("H720", "warning")
    assert warning.help is not None
    assert "apt install g++" in warning.help
    assert report.checks == ()
    assert summary(out)["compiled"]["done"] is False
    assert "no C++ compiler" in summary(out)["compiled"]["why_not"]


def test_a_device_that_is_not_there_is_told(image: hc.Compilation, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BuildError) as error:
        build(image, out, Options(device="cuda"))
    assert code_of(error) == "H712"
    assert not out.parent.exists()


def test_a_spec_with_a_problem_makes_no_folder(image: hc.Compilation, out: Path, tmp_path: Path) -> None:
    broken = hc.compile(tmp_path / "specs" / "model.yaml", ["stages.0.heads=3"])
    with pytest.raises(hc.SpecError, match="3 heads do not divide 8 channels"):
        build(broken, out, EAGER)
    assert not out.parent.exists()


def test_tables_that_no_file_holds_are_there_in_what_is_compiled_and_in_the_file(
    fixed: hc.Compilation, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiera_compiler.artifact.compiling.compile_blocks", lambda module: module)
    checks = build(fixed, out, Options(["python"])).report.checks
    assert [check.what for check in checks] == ["compiled", *["model.py"] * 3]
    assert all(check.difference <= 1e-6 for check in checks)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [[], ["neck=feature_pyramid"]], ids=["a classifier", "beside a neck"])
def test_compiled_and_eager_agree(settings: list[str], image: hc.Compilation, out: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    compilation = hc.compile(tmp_path / "specs" / "model.yaml", settings)
    artifact: Artifact = build(compilation, out, progress=steps.append)
    (check,) = artifact.report.checks
    assert (check.what, check.batch) == ("compiled", 2)
    assert 0 < check.difference <= 1e-5  # zero would mean that nothing was compiled
    assert artifact.report.compiled.seconds is not None
    assert artifact.report.warnings == ()
    assert "compiling (2 distinct blocks)" in steps
