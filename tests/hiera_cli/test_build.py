import json
import re
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from hiera_cli.main import main
from hiera_compiler.artifact.format import modules
from hiera_compiler.artifact.formats.python import PythonFile

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


@pytest.fixture(autouse=True)
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)


def test_the_folder_is_named_by_the_spec_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "tiny.yaml", "--no-compile"]) == 0
    out, err = capsys.readouterr()
    assert {"spec.yaml", "summary.json"} <= {file.name for file in Path("build/tiny").iterdir()}
    assert "wrote build/tiny: graph.json, " in out
    assert "resolution" in out
    assert "not compiled: not asked for" in out
    assert "running it eagerly ...\n" in err  # plain lines where stderr is no terminal


def test_json_is_one_object_and_words_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "tiny.yaml", "-o", "x", "--no-compile", "--emit", "python", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["folder"] == "x"
    assert found["files"]["model.py"] == Path("x/model.py").stat().st_size
    assert found["checks"][0]["what"] == "model.py"


def test_settings_change_what_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "tiny.yaml", "-o", "x", "--no-compile", "--json", "--set", "stages.0.depth=2"]) == 0
    assert json.loads(capsys.readouterr().out)["compiled"]["blocks"] == 2


def test_weights_are_loaded_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "tiny.yaml", "-o", "x", "--no-compile"]) == 0
    capsys.readouterr()
    assert main(["build", "tiny.yaml", "-o", "y", "--no-compile", "--weights", "x/weights.safetensors"]) == 0
    count = len(load_file("x/weights.safetensors"))
    assert f"loaded {count} weights" in capsys.readouterr().out
    assert Path("x/weights.safetensors").read_bytes() == Path("y/weights.safetensors").read_bytes()


def test_without_a_compiler_the_build_ends_well_with_a_warning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert main(["build", "tiny.yaml", "-o", "x"]) == 0
    out, err = capsys.readouterr()
    assert "warning[H720]: no C++ compiler: 'no-such-compiler' cannot be run here" in err
    assert "not compiled: no C++ compiler" in out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-o", "foreign"], "H701"),
        (["-o", "x" * 300], "H702"),
        (["-o", "tiny.yaml/x"], "H703"),
        (["-o", "tiny.yaml"], "H703"),
        (["-o", "."], "H704"),
        (["--emit", "onyx"], "H710"),
    ],
)
def test_what_cannot_be_built_is_one_diagnostic(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("foreign").mkdir()
    Path("foreign/notes.txt").write_text("mine")
    assert main(["build", "tiny.yaml", "--no-compile", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("error[") == 1
    assert f"error[{code}]: " in err
    assert "Traceback" not in err
    assert sorted(path.name for path in Path().iterdir()) == ["foreign", "tiny.yaml"]


def test_interrupting_leaves_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PythonFile, "write", interrupted)
    assert main(["build", "tiny.yaml", "--no-compile", "--emit", "python"]) == 130
    assert capsys.readouterr().out == ""
    assert [path.name for path in Path().iterdir()] == ["tiny.yaml"]


def test_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--help"]) == 0
    shown = re.findall(r"\w+", capsys.readouterr().out)
    assert set(modules()) <= set(shown)
