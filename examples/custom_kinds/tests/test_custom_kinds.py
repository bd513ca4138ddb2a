"""The package's kinds go wherever the compiler's own go: pytest, with the package installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import hiera_compiler as hc
from hiera_cli.main import main

FOLDER = Path(__file__).parents[1]
SPEC, SPACE = str(FOLDER / "small.yaml"), str(FOLDER / "space.yaml")


def test_the_module_has_the_weights_and_the_cost_of_the_graph() -> None:
    compiled = hc.compile(SPEC)
    module = compiled.module("meta")
    assert {name: tuple(value.shape) for name, value in module.state_dict().items()} == compiled.graph.parameters()
    with FlopCounterMode(display=False) as counter:
        module(torch.empty(1, 3, 64, 64, device="meta"))
    assert counter.get_total_flops() == compiled.cost.flops


def test_the_table_of_stages_names_what_attends() -> None:
    one, two = (row for row in hc.compile(SPEC, ["stages.0.attention=mask_unit"]).cost.stages if row.blocks)
    assert (one.attention, one.heads) == ("mask unit", 2)
    assert (two.attention, two.heads) == ("talking heads (first: mask unit)", 4)


def test_an_option_that_does_nothing_is_no_option() -> None:
    with pytest.raises(
        hc.SpecError, match="there is no key 'relative' in attention of stage 1, which is talking_heads"
    ):
        _ = hc.compile(SPEC, ["stages.0.attention.relative=decomposed"]).spec


def test_every_weight_learns() -> None:
    module = hc.compile(SPEC).module()
    module(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert [name for name, weight in module.named_parameters() if weight.grad is None] == []


def test_mask_units_are_dropped() -> None:
    module: Any = hc.compile(SPEC).module().eval()
    pixels, kept = torch.randn(1, 3, 64, 64), torch.zeros(1, 16, dtype=torch.bool)
    kept[0, [1, 2, 7]] = True
    others = pixels * torch.nn.functional.interpolate(kept.view(1, 1, 4, 4).float(), size=(64, 64))
    with torch.no_grad():
        maps, again = module.features(pixels, mask=kept), module.features(others, mask=kept)
    assert [tuple(one.shape) for one in maps] == [(1, 3, 4, 4, 16), (1, 3, 2, 2, 32)]
    torch.testing.assert_close(maps, again)


def test_a_masked_autoencoder_has_a_loss() -> None:
    module = hc.compile(SPEC, ["mae.decoder.depth=1", "mae.multi_scale=false"], task="mae").module()
    assert module(torch.randn(1, 3, 64, 64))[0].isfinite()


def test_a_built_folder_needs_torch_alone_and_opens_again(tmp_path: Path) -> None:
    built = tmp_path / "built"
    assert main(["build", SPEC, "-o", str(built), "--emit", "python", "--no-compile"]) == 0
    text = (built / "model.py").read_text()
    assert "# from custom_kinds.tensors\nclass TalkingHeads" in text
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('hiera_compiler', 'custom_kinds')))\n"
        "import torch, model\nprint(tuple(model.SmallTalking()(torch.zeros(2, 3, 64, 64)).shape))"
    )
    environment = os.environ | {"PYTHONPATH": str(built)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(2, 10)\n", "")
    module = hc.compile(built / "spec.yaml").module(weights=built / "weights.safetensors")
    assert sum(weight.numel() for weight in module.parameters()) == hc.compile(SPEC).cost.params


def test_predictions_say_which_primitives_state_no_calls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", SPEC, "--device", "a100-40gb", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["predicted"]
    assert found
    assert all(one["throughput"] > 0 and one["assumed"] == ["SquaredReLU"] for one in found)


def test_a_search_chooses_among_them(tmp_path: Path) -> None:
    assert main(["search", SPACE, "--budget-ms", "10", "-o", str(tmp_path / "found")]) == 0
    best = hc.compile(tmp_path / "found" / "best.yaml").spec
    assert best.stages[1].depth in (1, 2, 3)
