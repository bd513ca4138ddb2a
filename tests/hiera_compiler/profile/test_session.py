import json
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

import hiera_compiler as hc
from hiera_compiler.profile import machine
from hiera_compiler.profile.bench import Bench, Setup
from hiera_compiler.profile.record import Protocol, Training
from hiera_compiler.profile.session import measure
from hiera_compiler.profile.subject import Subject
from hiera_compiler.profile.sweep import OutOfMemory
from hiera_compiler.profile.timing import Spread


class Model(nn.Module):
    """A linear layer whose forward pass first calls ``hook`` with the batch."""

    def __init__(self, hook: Callable[[int], None]) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.hook = hook

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.hook(len(x))
        found: torch.Tensor = self.layer(x)
        return found


def subject(hook: Callable[[int], None] = lambda batch: None, name: str = "model") -> Subject:
    return Subject(name, (8,), lambda device: Model(hook).to(device))


@contextmanager
def refused(code: str) -> Iterator[list[str]]:
    """What is refused with one diagnostic of this code; its message and help are appended to the list."""
    texts: list[str] = []
    with pytest.raises(hc.SpecError) as raised:
        yield texts
    (found,) = raised.value.diagnostics
    assert found.code == code
    texts += [found.message, found.help or ""]


def test_everything_of_two_specs_is_measured_in_one_run(
    tiny: hc.Compilation, deeper: hc.Compilation, protocol: Protocol
) -> None:
    steps: list[str] = []
    run = measure([tiny, deeper], protocol=protocol, progress=lambda what, done, total: steps.append(what))
    assert [one.name for one in run.measurements] == ["tiny", "deeper"]
    for one in run.measurements:
        assert one.batch in {tried.batch for tried in one.tried}
        assert one.throughput is not None
        assert one.throughput.count == protocol.rounds
        assert one.latency is not None
        assert one.latency.p50 <= one.latency.p90 <= one.latency.p99
        assert one.training is not None
        assert one.memory_bytes is not None
        assert one.memory_bytes > 4 * tiny.cost.params
        assert one.compile_seconds is None
    (ratio,) = run.ratios
    assert (ratio.name, ratio.base, ratio.times.count) == ("deeper", "tiny", protocol.rounds)
    assert not run.interrupted
    assert {"batch sweep of tiny", "throughput", "latency at batch 1", "training"} <= set(steps)


def test_a_figure_carries_its_conditions(tiny: hc.Compilation, protocol: Protocol) -> None:
    (one,) = measure([tiny], protocol=protocol, batch=2, dtype="bf16", train=False).measurements
    at = one.conditions
    assert (at.dtype, at.regime, at.torch, at.threads) == (
        "bfloat16",
        "eager",
        torch.__version__,
        torch.get_num_threads(),
    )
    assert at.attention != "none"
    assert at.date.endswith("+00:00")
    assert at.device == machine.device_name(torch.device("cpu"))
    assert (one.batch, one.tried, one.training) == (2, (), None)
    assert one.protocol == protocol


def test_a_run_is_plain_data(tiny: hc.Compilation, protocol: Protocol) -> None:
    run = measure([tiny], protocol=protocol, batch=1, train=False)
    found = json.loads(json.dumps(run.data()))["measurements"][0]
    assert found["throughput"]["median"] > 0
    assert found["conditions"]["dtype"] == "float32"


TOO_LARGE = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    MemoryError(),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: invalid configuration argument"),
]


@pytest.mark.parametrize("error", TOO_LARGE, ids=str)
def test_the_end_of_memory_ends_the_sweep_and_nothing_else(error: Exception, protocol: Protocol) -> None:
    def full(batch: int) -> None:
        if batch >= 4:
            raise error

    (one,) = measure([subject(full)], protocol=protocol).measurements
    assert [(tried.batch, tried.throughput is None) for tried in one.tried] == [(1, False), (2, False), (4, True)]
    assert one.batch in {1, 2}
    assert one.throughput is not None


def test_memory_that_ends_between_rounds_is_one_diagnostic(protocol: Protocol) -> None:
    calls: list[int] = []

    def full(batch: int) -> None:
        calls.append(batch)
        if len(calls) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with refused("H512") as texts:
        measure([subject(full), subject(name="other")], protocol=protocol, batch=2)
    assert "'model' at batch 2" in texts[0]


def test_what_did_not_fit_is_freed(setup: Setup) -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def full(batch: int) -> None:
        if batch > 1:
            large = torch.zeros(batch)
            held.append(weakref.ref(large))
            raise torch.OutOfMemoryError("CUDA out of memory")

    bench = Bench(subject(full), setup)
    with pytest.raises(OutOfMemory) as caught:
        bench.inference(2)
    assert caught.value.name == "model"
    assert [one() for one in held] == [None]


def test_autocast_keeps_weights_and_calls_products_in_the_other_format(setup: Setup) -> None:
    bench = Bench(subject(), replace(setup, dtype=torch.bfloat16, autocast=True))
    seen: list[torch.dtype] = []
    (layer,) = bench.module.children()
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    bench.inference(2)
    bench.training(2)
    assert set(seen) == {torch.bfloat16}
    assert next(bench.module.parameters()).dtype == torch.float32


def test_training_takes_half_the_batch_where_the_whole_has_no_room(protocol: Protocol) -> None:
    def full(batch: int) -> None:
        if batch > 1 and torch.is_grad_enabled():
            raise torch.OutOfMemoryError("CUDA out of memory")

    (one,) = measure([subject(full)], protocol=protocol, batch=4).measurements
    assert one.training is not None
    assert (one.batch, one.training.batch) == (4, 1)


def test_other_errors_of_a_model_are_not_hidden(protocol: Protocol) -> None:
    def broken(batch: int) -> None:
        if batch == 2:
            raise RuntimeError("a bug of the model")

    with pytest.raises(RuntimeError, match="a bug of the model"):
        measure([subject(broken)], protocol=protocol)


def test_an_interruption_keeps_what_is_complete(protocol: Protocol) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if what == "latency at batch 1" and done == 2:
            raise KeyboardInterrupt

    run = measure([subject(), subject(name="other")], protocol=protocol, batch=2, progress=stop)
    assert run.interrupted
    for one in run.measurements:
        assert one.throughput is not None
        assert one.throughput.count == protocol.rounds
        assert one.latency is not None
        assert one.latency.calls == 2
        assert one.training is None
    assert len(run.ratios) == 1


def test_interrupted_at_once_there_is_nothing(protocol: Protocol) -> None:
    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    run = measure([subject()], protocol=protocol, progress=stop)
    assert (run.measurements, run.ratios, run.interrupted) == ((), (), True)


def test_a_cuda_device_of_too_high_a_number_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with refused("H510") as texts:
        measure([subject()], device="cuda:99999999999")
    assert texts == [
        "CUDA device 99999999999 was asked for, and there are 2, counted from 0",
        "use --device cuda:1, or --device cuda for the first",
    ]


def test_cuda_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with refused("H510") as texts:
        measure([subject()], device="cuda")
    assert "--device cpu" in texts[1]


@pytest.mark.parametrize("batch", [0, -3, True])
def test_a_batch_is_a_count(batch: Any) -> None:
    with refused("H511"):
        measure([subject()], batch=batch)


def test_a_batch_larger_than_memory_is_refused_before_it_is_allocated(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(machine, "available_memory", lambda: 1_000_000)
    with refused("H512") as texts:
        measure([subject(calls.append)], batch=1 << 20, protocol=protocol)
    assert max(calls) == 1
    largest = int(texts[1].split("--batch ")[1].split()[0])
    assert 1 <= largest < 1 << 20
    measure([subject()], batch=largest, protocol=protocol, train=False)


def test_an_unknown_format_brings_a_suggestion() -> None:
    with refused("H513") as texts:
        measure([subject()], dtype="flaot16")
    assert texts[1] == "did you mean 'float16'?"


class NoHalf(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype == torch.float16:
            raise RuntimeError("\"fancy_cpu\" not implemented for 'Half'")
        return x


def test_a_format_without_an_operator_is_said(protocol: Protocol) -> None:
    model = Subject("model", (8,), lambda device: NoHalf())
    with refused("H520") as texts:
        measure([model], dtype="float16", protocol=protocol)
    assert "'model' does not run in float16 on cpu" in texts[0]


class Pretrained(nn.Module):
    """Gives a loss, and what it is of, from one weight each."""

    def __init__(self) -> None:
        super().__init__()
        self.loss, self.prediction = nn.Linear(8, 1), nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.loss(x).mean(), self.prediction(x)


def test_a_training_step_is_on_the_loss_alone_where_a_model_gives_one(setup: Setup) -> None:
    bench = Bench(Subject("pretrained", (8,), lambda device: Pretrained().to(device)), setup)
    bench._step(bench.pixels(2))
    assert bench.module.get_parameter("loss.weight").grad is not None
    assert bench.module.get_parameter("prediction.weight").grad is None


def test_training_days_extrapolate_the_speed() -> None:
    training = Training(8, Spread(100.0, 90.0, 110.0, 3))
    assert training.device_days(images=864_000, epochs=10) == 1.0


def test_memory_is_weights_and_what_one_pass_allocates(setup: Setup) -> None:
    bench = Bench(subject(), setup)
    weights = 4 * (8 * 8 + 8)
    assert bench.peak_bytes(bench.inference(16)) == weights + 4 * 16 * 8


@pytest.mark.slow
def test_a_compiled_spec_is_measured_compiled(tiny: hc.Compilation, protocol: Protocol) -> None:
    (one,) = measure([tiny], regime="compiled", batch=1, train=False, protocol=protocol).measurements
    assert one.conditions.regime == "compiled"
    assert one.compile_seconds is not None
    assert one.notes == ("each block compiled as a full graph; what lies outside the blocks is eager",)
    assert one.throughput is not None
