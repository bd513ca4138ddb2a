"""What docs/kinds.md shows is in the example, and what it names is there."""

import re
from pathlib import Path

import pytest

from hiera_compiler import checks  # noqa: F401 - gives the rules their codes
from hiera_compiler.diagnostics import codes
from hiera_compiler.kinds import problems  # noqa: F401 - the same

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "kinds.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "custom_kinds"
SHOWN = re.findall(r"```(?:python|toml)\n(.*?)```", DOC, re.DOTALL)


@pytest.mark.parametrize("text", SHOWN, ids=lambda text: text.splitlines()[0])
def test_shown_code_is_the_example_s(text: str) -> None:
    files = [file for file in EXAMPLE.rglob("*.*") if file.suffix in (".py", ".toml")]
    assert [file for file in files if text in file.read_text(encoding="utf-8")] != []


def test_every_file_of_the_shown_tree_is_there() -> None:
    (tree,) = re.findall(r"```\n(custom_kinds/.*?)```", DOC, re.DOTALL)
    shown = re.findall(r"^  (\S+\.py)", tree, re.MULTILINE)
    assert len(shown) == 4
    assert [name for name in shown if not (EXAMPLE / "custom_kinds" / name).exists()] == []


def test_every_code_is_there() -> None:
    assert set(re.findall(r"H\d{3}", DOC)) <= set(codes())


def test_what_functions_may_use_is_what_files_have() -> None:
    imports = (ROOT / "hiera_compiler" / "emit" / "prelude.py").read_text(encoding="utf-8").partition("# ---")[0]
    for name in ("torch", "Tensor", "nn", "F", "Sequence"):
        assert re.search(rf"import .*\b{name}\b", imports)
        assert f"`{name}`" in DOC
