import json
from pathlib import Path

import pytest
import torch
from torch import nn

import hiera_compiler as hc
from hiera_compiler.profile import roofline, traces
from hiera_compiler.profile.bench import Bench, Setup
from hiera_compiler.profile.events import read
from hiera_compiler.profile.record import Protocol
from hiera_compiler.profile.roofline import Ceilings, ceilings
from hiera_compiler.profile.spans import named, parts, stage_of
from hiera_compiler.profile.subject import Subject
from hiera_compiler.profile.timing import Timer


@pytest.fixture(autouse=True)
def quick_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "ceilings", lambda device, dtype, timer: Ceilings(1e11, 1e10))


def test_a_trace_has_a_span_for_each_block_with_its_stage(tiny: hc.Compilation, setup: Setup, tmp_path: Path) -> None:
    file = traces.record(Bench(Subject.of(tiny), setup), 2, tmp_path / "new" / "traces", count=2)
    assert file.name.startswith("tiny.eager.")
    found = read(file)
    assert [[(span.stage, span.part) for span in one.spans] for one in found] == [
        [("stage 1", "blocks.0"), ("stage 2", "blocks.1")]
    ] * 2
    for one in found:
        assert sum(event.ms for event in one.events) == pytest.approx(one.ms, rel=0.01)
        assert {"linear", "norm", "convolution", "attention"} <= {event.kind for event in one.events}


def test_the_trace_is_one_that_the_tensorboard_plugin_lists(tiny: hc.Compilation, setup: Setup, tmp_path: Path) -> None:
    file = traces.record(Bench(Subject.of(tiny), setup), 1, tmp_path, count=1)
    assert file.name.endswith(".pt.trace.json")
    content = json.loads(file.read_text())
    assert {"schemaVersion", "traceEvents"} <= set(content)
    assert any(event.get("name") == "ProfilerStep#1" for event in content["traceEvents"])


def test_a_page_is_written_beside_the_trace(tiny: hc.Compilation, tmp_path: Path, protocol: Protocol) -> None:
    written = traces.trace(tiny, tmp_path, 2, predicted={"stage 1": 1.0}, protocol=protocol)
    html = written.page.read_text(encoding="utf-8")
    assert written.page.name == "tiny.eager.html"
    assert written.trace.name in html
    assert "predicted 1 ms" in html
    assert "blocks.1" in html


def test_tracing_leaves_the_module_as_it_was(tiny: hc.Compilation) -> None:
    module = tiny.module()
    with named(module, Subject.of(tiny).stages):
        assert sum(bool(part._forward_hooks) for part in module.modules()) == 2
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_a_folder_that_cannot_be_written_is_one_diagnostic(tiny: hc.Compilation, setup: Setup, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(hc.SpecError) as raised:
        traces.record(Bench(Subject.of(tiny), setup), 1, tmp_path / "file" / "x", count=1)
    assert [found.code for found in raised.value.diagnostics] == ["H519"]


def test_file_names_hold_nothing_that_a_system_refuses(setup: Setup) -> None:
    model = Subject("timm:a/b c", (8,), lambda device: nn.Linear(8, 8).to(device))
    assert traces.file_name(Bench(model, setup)) == "timm_a_b_c.eager"


class Staged(nn.Module):
    """Stages with blocks in them, as many public models are built."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        stage = nn.Module()
        stage.blocks = nn.Sequential(nn.ReLU(), nn.ReLU())
        self.stages = nn.ModuleList([stage])


def test_parts_of_other_models_are_found_by_their_containers() -> None:
    assert [name for name, _ in parts(Staged())] == ["stem", "stages.0.blocks.0", "stages.0.blocks.1"]


@pytest.mark.parametrize(
    ("part", "stage"),
    [("stem", "stem"), ("blocks.3", "blocks"), ("stages.1.blocks.2", "stages.1"), ("layers.2", "layers.2")],
)
def test_parts_of_other_models_belong_to_stages_by_their_paths(part: str, stage: str) -> None:
    assert stage_of(part) == stage


def test_ceilings_are_the_fastest_product_and_copy() -> None:
    seconds = iter([4.0, 2.0, 3.0, *[5.0, 1.0, 5.0, 5.0, 5.0]])

    class Counting(Timer):
        def seconds(self, call: object, times: int = 1) -> float:
            return next(seconds)

    found = ceilings(torch.device("cpu"), torch.float32, Counting())
    assert found == Ceilings(2 * 256**3 / 2.0, 2 * (1 << 27) / 1.0)
