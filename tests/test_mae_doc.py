"""What docs/mae.md shows is what happens."""

import doctest
import re
from pathlib import Path

import pytest
import yaml

from hiera_cli.main import main
from hiera_compiler import estimate
from hiera_compiler.lower import lower_mae
from hiera_compiler.pipeline import compile

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "mae.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (hiera_\w+) \| ([\d.]+) \| ([\d.]+) \|$", DOC, re.MULTILINE)


def test_shown_python_gives_the_shown_values() -> None:
    test = doctest.DocTestParser().get_doctest(DOC, {}, "mae.md", "mae.md", 0)
    assert len(test.examples) >= 8
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize(("name", "released", "ours"), ROWS)
def test_shown_macs_are_those_of_the_graphs(name: str, released: str, ours: str) -> None:
    spec = compile(name).spec
    found = [f"{estimate.cost(lower_mae(spec, early)).macs / 1e9:.3f}" for early in (False, True)]
    assert found == [released, ours]


def test_shown_spec_says_every_option(tmp_path: Path) -> None:
    text, _ = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    (tmp_path / "x.yaml").write_text(text)
    spec = compile(tmp_path / "x.yaml", task="mae").spec
    assert spec.mae is not None
    assert set(yaml.safe_load(text)["mae"]) == set(type(spec.mae).model_fields)


COMMANDS = [line.split() for line in re.findall(r"^hiera (\w+ .*--task mae.*)$", DOC, re.MULTILINE)]
COMMANDS = [command for command in COMMANDS if command[0] != "build"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_shown_commands_on_cost_run(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for what would be measured, which takes minutes."""
    _, space = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    (tmp_path / "decoders.yaml").write_text(space)
    monkeypatch.chdir(tmp_path)
    measured: list[object] = []
    monkeypatch.setattr("hiera_cli.measured.measured", lambda models, asked: measured.append(asked))
    assert main(command) == 0
    assert len(measured) == command.count("--measure")
