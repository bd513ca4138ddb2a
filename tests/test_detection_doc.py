"""What docs/detection.md shows is what happens."""

import doctest
import re
from pathlib import Path

import pytest

from hiera_compiler.pipeline import compile

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "detection.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (hiera_\w+) \| (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", DOC, re.MULTILINE)


def test_shown_python_gives_the_shown_values() -> None:
    test = doctest.DocTestParser().get_doctest(DOC, {}, "detection.md", "detection.md", 0)
    assert len(test.examples) >= 8
    assert doctest.DocTestRunner().run(test).failed == 0


def test_there_is_a_table_of_costs() -> None:
    assert len(ROWS) >= 3


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_shown_costs_are_those_of_the_graphs(row: tuple[str, ...]) -> None:
    name, neck, *shown = row
    cost = compile(name, [f"neck={neck}"]).cost
    own = next(stage for stage in cost.stages if stage.name == "neck")
    found = [(count.params / 1e6, count.macs / 1e9) for count in (own, cost)]
    assert [f"{number:.2f}" for pair in found for number in pair] == shown


def test_shown_spec_is_lawful(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    (tmp_path / "x.yaml").write_text(text)
    graph = compile(tmp_path / "x.yaml").graph
    assert [graph[graph.outputs[name]].shape for name in graph.returned] == [
        (side, side, 256) for side in (256, 128, 64, 32, 16)
    ]
