"""Calibrating: the constants of a machine are found, and a model left out says how well. No test asserts a time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import hiera_compiler as hc
from hiera_compiler.devices import device
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.calibrated import Anchor, Calibration
from hiera_compiler.estimate.calibration import read
from hiera_compiler.estimate.fit import Sample, total
from hiera_compiler.estimate.kernel import Kernel, kernel
from hiera_compiler.estimate.kernels import kernel_list
from hiera_compiler.estimate.predict import predict
from hiera_compiler.estimate.price import Constants, demand
from hiera_compiler.estimate.profiles import profiles_for
from hiera_compiler.estimate.regime import EAGER_AMP, EAGER_HALF, Regime
from hiera_compiler.profile import calibration, described, roofline
from hiera_compiler.profile.bench import Bench
from hiera_compiler.profile.calibration import calibrate
from hiera_compiler.profile.calibration_fit import LEAST, WITHOUT_ANCHORS, Row, fitted, spreads
from hiera_compiler.profile.calibration_plan import Plan, WholeModel, plan_for
from hiera_compiler.profile.microbenchmarks import Microbenchmark, groups
from hiera_compiler.profile.roofline import Ceilings
from hiera_compiler.profile.sweep import OutOfMemory
from hiera_compiler.profile.timing import Call, Timer
from tests.hiera_compiler.profile.conftest import TINY
from tests.support.trace import trace

MACHINE = Constants(products=0.5, convolutions=0.25, attention=0.3, memory=0.6, lanes=0.4, launch=8e-6)
"""A machine whose constants are known."""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr(roofline, "ceilings", lambda at, dtype, timer: Ceilings(1e11, 1e10))
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    models = (WholeModel(str(file), batches=(1, 2)), WholeModel(str(file), ("stages.1.depth=2",)))
    return Plan((1,), (20_000,), models, rounds=2, kernel_seconds=1e-4, sustained_seconds=0.01)


def samples(regime: Regime, constants: Constants) -> Iterator[Sample]:
    """The microbenchmarks as a machine with these constants would run them."""
    for _, several in groups(regime, (1, 16), (600_000, 20_000_000)):
        for one in several:
            demands = tuple(demand(entry, device("h200"), 1) for entry in one.kernels)
            yield Sample(one.name, "kernel", demands, total(demands, constants))


def row(name: str, constants: Constants, times: float = 1.0) -> Row:
    kernels = [k for section in kernel_list(hc.compile(name).graph, EAGER_HALF) for k in section.kernels.listed]
    demands = tuple(demand(one, device("h200"), 8) for one in kernels)
    return Row(Sample(name, "hiera", demands, times * total(demands, constants)), 8)


def test_the_constants_of_a_known_machine_are_found() -> None:
    rows = [row(name, MACHINE, times=1.2) for name in ("hiera_t", "hiera_b", "hiera_l")]
    found = fitted("eager-half", list(samples(EAGER_HALF, MACHINE)), rows, frozenset({"product"}))
    price = found.price
    # The patches move memory for longer than they multiply, so that their products show in nothing.
    for name in ("products", "attention", "memory", "lanes", "launch"):
        assert getattr(price, name) == pytest.approx(getattr(MACHINE, name), rel=0.03), name
        assert found.constants[name].source == "fitted"
    assert price.scale == pytest.approx(1.2, rel=0.02)
    assert found.held_out_error == pytest.approx(0, abs=0.02)
    assert found.microbenchmark_error < 0.03
    assert found.tier == "A"


def test_a_constant_that_nothing_depends_on_is_assumed() -> None:
    found = fitted("eager-half", list(samples(EAGER_HALF, MACHINE)), (), frozenset())
    assert found.constants["depthwise"].source == "assumed"
    assert found.price.depthwise == Constants().depthwise


def test_a_model_is_left_out_with_all_its_rows() -> None:
    rows = [row("hiera_t", MACHINE), row("hiera_t", MACHINE), row("hiera_b", MACHINE, times=1.5)]
    found = fitted("eager-half", list(samples(EAGER_HALF, MACHINE)), rows, frozenset())
    errors = [anchor.error for anchor in found.anchors]
    # Each is predicted by the other alone: hiera_t by a machine 1.5 times as slow, hiera_b by one as fast.
    assert errors == [pytest.approx(e, abs=0.03) for e in (1 / 1.5 - 1, 1 / 1.5 - 1, 1.5 - 1)]
    assert found.held_out_error == pytest.approx((2 / 3 + 0.5) / 3, abs=0.03)


def test_without_two_models_nothing_is_left_out_and_the_interval_is_wide() -> None:
    micro = list(samples(EAGER_HALF, MACHINE))
    alone = fitted("eager-half", micro, [row("hiera_t", MACHINE)], frozenset())
    assert (alone.tier, alone.held_out_error, alone.spread) == ("A", None, WITHOUT_ANCHORS)
    assert fitted("eager-half", micro, [], frozenset()).tier == "B"


def anchors(errors: Sequence[float]) -> list[Anchor]:
    return [Anchor(model=f"m{k}", batch=1, seconds=1 + error, held_out_seconds=1.0) for k, error in enumerate(errors)]


def test_intervals_grow_with_the_errors_and_shrink_with_more_models() -> None:
    few, worse, more = (spreads(anchors(e)) for e in ([0.1, -0.1], [0.2, -0.2], [0.1, -0.1] * 4))
    assert worse[0] > few[0] > more[0] > 0.1
    assert spreads(anchors([0.0, 0.0])) == (LEAST, LEAST / 2)
    common = spreads(anchors([0.3, 0.3, 0.3]))
    assert common[1] < common[0]


MICRO = [one for _, several in groups(EAGER_HALF, (1, 2), (600_000,)) for one in several]


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in MICRO])
def test_the_kernels_of_a_microbenchmark_are_those_that_its_call_launches(one: Microbenchmark) -> None:
    call = one.make(lambda *sizes: torch.empty(*sizes, device="meta", dtype=torch.float16))
    calls = trace(torch.nn.Identity(), torch.empty(1, device="meta"), autocast=False, run=lambda _: call())
    launched = [kernel(entry, 1) for entry in calls]
    assert len(launched) == len(one.kernels) * one.launches
    assert [k.kind for k in launched[: len(one.kernels)]] == [k.kind for k in one.kernels]
    for quantity in (products, moved, issued, shape):
        assert [quantity(k) for k in launched[: len(one.kernels)]] == [quantity(k) for k in one.kernels]


def products(one: Kernel) -> float:
    return one.macs


def moved(one: Kernel) -> float:
    return one.moved + one.moved_fixed


def issued(one: Kernel) -> float:
    return one.issued + one.issued_fixed


def shape(one: Kernel) -> tuple[float, ...]:
    return one.rows, one.columns, one.depth, one.stacks, one.alignment


def test_this_machine_is_calibrated_and_predicted(plan: Plan, tmp_path: Path) -> None:
    steps: list[str] = []
    found = calibrate("cpu", plan=plan, progress=lambda what, done, total: steps.append(what))
    path = tmp_path / "found.json"
    path.write_text(found.text())
    assert read(path).model_dump() == found.model_dump()
    (regime,) = found.regimes
    assert (found.name, found.torch, regime.regime) == ("cpu", torch.__version__, "eager-fp32")
    assert [anchor.batch for anchor in regime.anchors] == [1, 2, 1]
    assert regime.held_out_error is not None
    assert regime.tier == "A"
    assert {"single kernels: products", "whole models, eager-fp32"} <= set(steps)
    (profile,) = profiles_for(str(path))
    compilation = hc.compile(plan.models[0].spec)
    one = predict(compilation.graph, profile, 1)
    assert one.low < one.throughput < one.high
    assert one.extrapolated_share == 0


def test_what_launching_bounds_is_no_row_of_the_fit(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def keeps_busy(self: object, call: object, launches: int) -> bool:
        return next(answers)

    kernels = sum(len(several) for _, several in groups(EAGER_HALF, plan.images, plan.elements))
    answers = iter([False, *[True] * (kernels - 1), True, False, True])
    monkeypatch.setattr(calibration._Work, "keeps_busy", keeps_busy)
    (regime,) = calibrate("cpu", plan=plan).regimes
    assert regime.microbenchmarks == kernels - 1
    assert [anchor.batch for anchor in regime.anchors] == [1, 1]
    assert regime.host_bound == (f"{plan.models[0].name} at 2",)


def test_a_batch_without_room_is_left_out(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def inference(self: Bench, batch: int) -> Call:
        if batch > 1:
            raise OutOfMemory(batch)
        return taken(self, batch)

    taken = Bench.inference
    monkeypatch.setattr(Bench, "inference", inference)
    (regime,) = calibrate("cpu", plan=plan).regimes
    assert [anchor.batch for anchor in regime.anchors] == [1, 1]


def test_a_model_without_room_is_one_diagnostic(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def inference(self: Bench, batch: int) -> Call:
        raise OutOfMemory(batch)

    monkeypatch.setattr(Bench, "inference", inference)
    with pytest.raises(SpecError, match=r"the memory of the device ends at .*tiny\.yaml, batch 1"):
        calibrate("cpu", plan=plan)


def test_a_gpu_is_busy_where_it_falls_behind() -> None:
    now = queued = 0.0

    def call() -> None:
        nonlocal now, queued
        now += 1e-6
        queued += running

    def wait() -> None:
        nonlocal now, queued
        now += queued
        queued = 0.0

    timer = Timer(clock=lambda: now, synchronise=wait)
    target = device("h200")
    work = calibration._Work(target, torch.device("cuda"), torch.float16, timer, plan_for("cuda"), print)
    running = 1e-5
    assert work.keeps_busy(call, 1)
    running = 1e-8
    assert not work.keeps_busy(call, 1)
    assert replace(work, at=torch.device("cpu")).keeps_busy(call, 1)


def test_the_end_of_memory_is_one_diagnostic_and_no_file(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, *sizes: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(calibration._Work, "_new", full)
    with pytest.raises(SpecError) as caught:
        calibrate("cpu", plan=plan)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("H522", "the memory of the device ends at single kernels: products")


def test_autocast_is_a_regime_of_its_own(plan: Plan) -> None:
    work = calibration._Work(device("h200"), torch.device("cpu"), torch.bfloat16, Timer(), plan, lambda *_: None)
    found = work.whole_models(EAGER_AMP, [])
    assert (found.regime, len(found.anchors)) == ("eager-amp", 3)
    assert "cast" in found.kinds


@pytest.mark.slow
def test_compiled_models_are_a_regime_of_their_own(plan: Plan) -> None:
    found = calibrate("cpu", compiled=True, plan=replace(plan, models=plan.models[:1]))
    eager, compiled = found.regimes
    assert (eager.regime, compiled.regime) == ("eager-fp32", "compiled-fp32")
    assert [anchor.batch for anchor in compiled.anchors] == [1, 2]
    assert eager.microbenchmarks == compiled.microbenchmarks


@pytest.mark.parametrize("device_type", ["cpu", "cuda"])
@pytest.mark.parametrize("quick", [False, True])
def test_every_plan_has_models_to_leave_out(device_type: str, quick: bool) -> None:
    models = plan_for(device_type, quick).models
    assert len({model.name for model in models}) > 1
    for model in models:
        assert hc.compile(model.spec, list(model.settings)).graph


def test_a_given_name_is_kept(plan: Plan) -> None:
    bare = Plan((1,), (20_000,), (), rounds=1, kernel_seconds=1e-5, sustained_seconds=0.0)
    found: Calibration = calibrate("cpu", name="my-workstation", plan=bare)
    assert (found.name, found.device.name, found.regimes[0].tier) == ("my-workstation", "my-workstation", "B")
    assert found.sustained is None


def test_cuda_that_is_absent_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SpecError) as caught:
        calibrate("cuda")
    assert caught.value.diagnostics[0].code == "H510"


@pytest.mark.parametrize(
    ("title", "gigabytes", "name"),
    [
        ("NVIDIA A100-SXM4-40GB", 42.3, "a100-40gb"),
        ("NVIDIA A100-SXM4-80GB", 85.0, "a100-80gb"),
        ("NVIDIA H100 80GB HBM3", 85.0, "h100-sxm"),
        ("NVIDIA H200", 150.0, "h200"),
        ("NVIDIA GeForce RTX 4090", 25.3, "rtx-4090"),
        ("Tesla T4", 15.6, "t4"),
        ("NVIDIA H100 PCIe", 85.0, None),
        ("NVIDIA GeForce RTX 3090 Ti", 25.3, None),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 5.0, None),
        ("NVIDIA RTX A6000", 51.0, None),
    ],
)
def test_a_board_is_known_by_its_name_and_memory(title: str, gigabytes: float, name: str | None) -> None:
    found = described.known(title, int(gigabytes * 1e9))
    assert (found and found.name) == name
