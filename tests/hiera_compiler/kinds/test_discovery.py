"""Kinds of other packages come through the entry point, and are then like our own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.kinds import discovery
from hiera_compiler.kinds.attention.global_attention import GlobalAttention

KIND = '''
"""Average attention of two heads groups."""
from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.ir import Activate, Linear
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.kinds import Attention, BlockContext


class Gated(Attention):
    """No attention at all: a gated projection of each token, pooled where the block pools."""

    kind: Literal["gated"] = "gated"
    width: Annotated[int, Field(ge=1, le=8, description="Hidden channels per channel.", examples=[2])]

    def lower(self, builder: GraphBuilder, x: Value, block: BlockContext) -> Value:
        x = block.pooled(builder, "attn.pooled", x)
        y = builder.add("attn.up", Linear(x.channels, self.width * block.channels), x)
        y = builder.add("attn.gate", Activate("gelu"), y)
        return builder.add("attn.down", Linear(y.channels, block.channels), y)
'''

SCRIPT = """
import json, torch
import hiera_compiler as hc
c = hc.compile("hiera_t", ["stages.1.attention={kind: gated, width: 2}", "input.size=64"])
m = c.module().eval()
out = m(torch.zeros(2, 3, 64, 64))
shapes = {key: tuple(value.shape) for key, value in m.state_dict().items()}
assert shapes == c.graph.parameters()
assert "gated" in json.dumps(hc.json_schema())
try:
    hc.compile("hiera_t", ["stages.1.attention=gatd"]).spec
except hc.SpecError as error:
    print(error.diagnostics[0].help)
try:
    hc.compile("hiera_t", ["stages.1.attention=gated"]).spec
except hc.SpecError as error:
    print(error.diagnostics[0].message)
print(list(out.shape))
"""


def install(folder: Path, group: str, modules: dict[str, str]) -> None:
    """A package with these modules, and the metadata that an installer would write for it."""
    package = folder / "other_kinds"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name, text in modules.items():
        (package / f"{name}.py").write_text(text)
    metadata = folder / "other_kinds-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-kinds\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[hiera_compiler.kinds]\n{group} = other_kinds\n")


def test_a_kind_of_another_package_is_like_our_own(tmp_path: Path) -> None:
    install(tmp_path, "attention", {"gated": KIND})
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "did you mean 'gated'?",
        "the key 'width' is missing in attention of stage 2",
        "[2, 1000]",
    ]


def test_kinds_are_named_in_alphabetical_order() -> None:
    for group in discovery.GROUPS:
        names = list(discovery.kinds_of(group))
        assert names == sorted(names)
        assert all(discovery.kind_name(kind) == name for name, kind in discovery.kinds_of(group).items())


def test_two_kinds_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "attention", {"copied": KIND.replace('"gated"', '"global"')})
    monkeypatch.syspath_prepend(tmp_path)
    declared = EntryPoints([EntryPoint("attention", "other_kinds", "hiera_compiler.kinds")])
    monkeypatch.setattr(discovery, "declared", lambda groups: declared)
    with pytest.raises(SpecError, match=rf"H902.*'other_kinds' has .*'global', which {GlobalAttention.__module__}"):
        discovery.kinds_of.__wrapped__("attention")
    for name in [name for name in sys.modules if name.partition(".")[0] == "other_kinds"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise RuntimeError('a\\nb')", "RuntimeError: a"),
        ("def (", "SyntaxError: invalid syntax"),
        (KIND.replace("    kind: ", "    other: "), "TypeError: Gated needs a field with its name"),
    ],
)
def test_a_package_that_does_not_import_is_named_without_a_traceback(tmp_path: Path, text: str, reason: str) -> None:
    install(tmp_path, "attention", {"broken": text})
    script = "from hiera_cli.main import main; raise SystemExit(main(['check', 'hiera_t']))"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"error[H901]: the attention kinds of the package 'other-kinds' cannot be imported: {reason}" in done.stderr
    assert "pip uninstall other-kinds" in done.stderr
    assert "Traceback" not in done.stderr
