"""The package of examples/ is a package of others: installed, its kinds do all that ours do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "custom_kinds"
CONTRACT = ROOT / "tests" / "hiera_compiler" / "kinds" / "test_contract.py"
KEPT = "custom_kinds or ((talking_heads or squared_relu) and (what_it_is or graph_is or kernels_of_a_kind))"


def install(folder: Path) -> None:
    """The metadata that an installer would write for the example."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    metadata = folder / f"custom_kinds-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    declared = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(declared))


@pytest.mark.timeout(600)
def test_kinds_with_primitives_of_their_own_keep_the_contract(tmp_path: Path) -> None:
    install(tmp_path)
    paths = [tmp_path, EXAMPLE, ROOT, ROOT / "cli", ROOT / "search"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", KEPT]
    command += [str(EXAMPLE / "tests"), str(CONTRACT)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|skipped)", done.stdout)}
    assert counts["passed"] >= 15
    assert counts["skipped"] == 2  # squared ReLU states no calls that could be compared, in two regimes
