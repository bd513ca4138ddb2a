"""A compilation runs each phase once, when it is asked for, and only that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import hiera_compiler as hc
from hiera_compiler import lower as lowering


def test_each_phase_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[hc.Spec] = []
    lower = lowering.lower

    def counted(spec: hc.Spec) -> hc.Graph:
        calls.append(spec)
        return lower(spec)

    monkeypatch.setattr(lowering, "lower", counted)
    compiled = hc.compile("hiera_t")
    assert calls == []
    assert compiled.graph is compiled.graph
    assert compiled.cost is compiled.cost
    assert compiled.python is compiled.python
    assert len(calls) == 1


def test_a_spec_is_refused_before_it_is_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lowering, "lower", lambda spec: pytest.fail("lowered"))
    with pytest.raises(hc.SpecError):
        _ = hc.compile("hiera_t", ["stages.2.heads=5"]).graph


def test_problems_of_form_come_before_broken_rules() -> None:
    with pytest.raises(hc.SpecError) as caught:
        _ = hc.compile("hiera_t", ["stages.2.heads=5", "stages.1.depth=two"]).spec
    assert [found.code for found in caught.value.diagnostics] == ["H103"]


def test_a_setting_is_the_place_of_what_it_breaks() -> None:
    with pytest.raises(hc.SpecError) as caught:
        _ = hc.compile("hiera_t", ["stages.2.heads=5"]).spec
    (found,) = caught.value.diagnostics
    assert found.span is not None
    assert (found.span.text.name, found.span.line, found.span.column) == ("--set", 1, 16)


def test_what_has_no_autoencoder_has_no_cost_of_one() -> None:
    with pytest.raises(hc.SpecError, match="H344"):
        _ = hc.compile("vit_b", task="mae").released_cost


def test_a_task_that_there_is_not_is_refused() -> None:
    task: Any = "pretrain"
    with pytest.raises(ValueError, match="no task 'pretrain', only classify and mae"):
        hc.compile("hiera_b", task=task)


def test_the_spec_is_resolved() -> None:
    spec = hc.compile("hiera_b_16x224").spec
    assert spec == spec.resolved()
    assert all(stage.mlp_ratio == 4 for stage in spec.stages)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_module_is_of_the_type_and_device_asked_for(dtype: torch.dtype) -> None:
    settings = ["input.size=64", "stages.2.depth=1"]
    module: Any = hc.compile("hiera_t", settings).module(dtype=dtype)
    assert module.training
    assert {parameter.dtype for parameter in module.parameters()} == {dtype}
    assert module.eval()(torch.zeros(1, 3, 64, 64, dtype=dtype)).dtype == dtype
    meta = hc.compile("hiera_t", settings).module("meta", dtype)
    assert {(parameter.device.type, parameter.dtype) for parameter in meta.parameters()} == {("meta", dtype)}


def test_drop_path_rates_survive_the_meta_device() -> None:
    module: Any = hc.compile("hiera_t", ["drop_path.rate=0.5"]).module("meta")
    keeps = [float(value) for name, value in module.named_buffers() if name.endswith("keep")]
    assert min(keeps) == 0.5
    assert max(keeps) == 1


def test_two_modules_do_not_share_weights() -> None:
    compiled = hc.compile("hiera_t", ["input.size=64"])
    one, other = compiled.module(), compiled.module()
    pointers = {parameter.data_ptr() for parameter in one.parameters()}
    assert not pointers & {parameter.data_ptr() for parameter in other.parameters()}


def test_checking_and_costing_import_no_torch(tmp_path: Path) -> None:
    script = (
        "import sys, hiera_compiler as hc; c = hc.compile('hiera_l'); c.graph; c.cost.macs\n"
        "print(sorted({'torch', 'optuna', 'sqlalchemy', 'networkx', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
