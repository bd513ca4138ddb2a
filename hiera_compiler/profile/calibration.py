"""Calibration: the machine at hand measured by single kernels and whole models, as a file for predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import torch
from torch import Tensor

from hiera_compiler.devices import Device
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.calibrated import CalibratedRegime, Calibration
from hiera_compiler.estimate.fit import Sample, sample
from hiera_compiler.estimate.kernels import kernel_list
from hiera_compiler.estimate.price import demand
from hiera_compiler.estimate.regime import REGIMES, Regime
from hiera_compiler.pipeline import compile as compile_spec
from hiera_compiler.profile import machine, problems
from hiera_compiler.profile.bench import Bench, Setup
from hiera_compiler.profile.calibration_fit import Row, fitted
from hiera_compiler.profile.calibration_plan import Plan, plan_for
from hiera_compiler.profile.described import described
from hiera_compiler.profile.microbenchmarks import groups
from hiera_compiler.profile.record import Protocol
from hiera_compiler.profile.session import Progress
from hiera_compiler.profile.subject import Subject
from hiera_compiler.profile.sweep import OutOfMemory
from hiera_compiler.profile.timing import Call, Timer, in_turns, quantile

MODEL_LENGTH = 10
"""How many times as long as a kernel's repeat that of a model is."""
UNDISTURBED = 0.25
"""Of repeats, the lower quartile is taken: what else a machine does only ever slows it."""


def calibrate(
    device: str = "cpu",
    *,
    compiled: bool = False,
    name: str | None = None,
    plan: Plan | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Calibration:
    """What was found out about the device at hand, eagerly and with `compiled` by torch.compile as well.

    Half precision on CUDA, fp32 on a CPU. `name` is what predictions will know it by; without one it is `cpu`, or the
    name of a known device, or what the device calls itself. About two minutes with the default plan. Raises SpecError
    where there is no such device, its memory ends, or a model cannot be compiled.
    """
    at = machine.find_device(device)
    plan = plan or plan_for(at.type)
    timer, dtype = machine.timer(at), machine.find_dtype(None, at)
    progress("rates of the device", 0, 1)
    work = _Work(described(at, name, timer), at, dtype, timer, plan, progress)
    share = sustained(at, dtype, timer, plan.sustained_seconds)
    suffix = "half" if dtype is torch.float16 else "fp32"
    modes = ("eager", "compiled") if compiled else ("eager",)
    regimes = [regime for mode in modes for regime in REGIMES if regime.name == f"{mode}-{suffix}"]
    kernels = work.single_kernels(regimes[0])
    return Calibration(
        name=work.target.name,
        device=work.target,
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        sustained=share,
        regimes=tuple(work.whole_models(regime, kernels) for regime in regimes),
    )


def sustained(at: torch.device, dtype: torch.dtype, timer: Timer, seconds: float) -> float | None:
    """The rate of a product in the last quarter of so many seconds, as a share of that in the first."""
    side = 4096 if at.type == "cuda" else 512
    a = torch.randn(side, side, device=at).to(dtype)
    times = timer.calls_in(lambda: torch.matmul(a, a), seconds / 20)
    taken: list[float] = []
    end = timer.clock() + seconds
    while timer.clock() < end:
        taken.append(timer.seconds(lambda: torch.matmul(a, a), times))
    quarter = len(taken) // 4
    return quantile(taken[:quarter], 0.5) / quantile(taken[-quarter:], 0.5) if quarter else None


@dataclass(frozen=True)
class _Work:
    """Where and what is measured."""

    target: Device
    at: torch.device
    dtype: torch.dtype
    timer: Timer
    plan: Plan
    progress: Progress

    def single_kernels(self, regime: Regime) -> list[Sample]:
        """The microbenchmarks, kind by kind, those of a kind in turns."""
        samples: list[Sample] = []
        for kind, several in groups(regime, self.plan.images, self.plan.elements):
            calls = [one.make(self._new) for one in several]
            with torch.inference_mode():
                for call in calls:
                    call()
                taken = self._in_turns(calls, self.plan.kernel_seconds, f"single kernels: {kind}")
            for one, seconds in zip(several, taken, strict=True):
                demands = tuple(demand(kernel, self.target, 1) for kernel in one.kernels)
                samples.append(Sample(one.name, "kernel", demands, seconds / one.launches))
        return samples

    def whole_models(self, regime: Regime, micro: Sequence[Sample]) -> CalibratedRegime:
        """Whole models in one regime, all in turns, and the constants that come of them."""
        mode: Literal["eager", "compiled"] = "compiled" if regime.compiled else "eager"
        seconds = MODEL_LENGTH * self.plan.kernel_seconds
        setup = Setup(self.at, self.dtype, mode, Protocol(seconds=seconds), self.timer)
        calls, prepared = [], []
        for model in self.plan.models:
            self.progress(f"preparing {model.name}, {mode}", 0, 1)
            compilation = compile_spec(model.spec, list(model.settings))
            kernels = [k for section in kernel_list(compilation.graph, regime) for k in section.kernels.listed]
            try:
                bench = Bench(Subject.of(compilation), setup)
                calls += [bench.inference(batch) for batch in model.batches]
            except OutOfMemory as error:
                raise SpecError(
                    problems.batch_too_large(model.name, error.batch, error.needed, error.available)
                ) from error
            prepared += [(model.name, batch, kernels) for batch in model.batches]
        taken = self._in_turns(calls, seconds, f"whole models, {mode}")
        rows = [
            Row(sample(name, "hiera", kernels, self.target, batch, batch / one), batch)
            for (name, batch, kernels), one in zip(prepared, taken, strict=True)
        ]
        kinds = frozenset(kernel.kind for _, _, kernels in prepared for kernel in kernels)
        return fitted(regime.name, micro, rows, kinds)

    def _new(self, *sizes: int) -> Tensor:
        return torch.randn(*sizes, device=self.at, dtype=self.dtype)

    def _in_turns(self, calls: Sequence[Call], seconds: float, what: str) -> list[float]:
        """Seconds of one call of each; each repeat fills the given seconds."""
        times = [self.timer.calls_in(call, seconds) for call in calls]
        rounds: list[tuple[float, ...]] = []
        for number, taken in enumerate(in_turns(calls, times, self.plan.rounds, self.timer), start=1):
            rounds.append(taken)
            self.progress(what, number, self.plan.rounds)
        return [quantile(column, UNDISTURBED) for column in zip(*rounds, strict=True)]
