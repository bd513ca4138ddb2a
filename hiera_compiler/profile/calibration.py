"""Calibration: the machine at hand measured by single kernels and whole models, as a file for predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import torch
from torch import Tensor

from hiera_compiler.devices import Device
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.calibrated import CalibratedRegime, Calibration
from hiera_compiler.estimate.fit import Sample, sample
from hiera_compiler.estimate.kernel import Kernel
from hiera_compiler.estimate.kernels import kernel_list
from hiera_compiler.estimate.price import demand
from hiera_compiler.estimate.regime import REGIMES, Regime
from hiera_compiler.pipeline import compile as compile_spec
from hiera_compiler.profile import machine, problems
from hiera_compiler.profile.bench import Bench, Setup
from hiera_compiler.profile.calibration_fit import Row, fitted
from hiera_compiler.profile.calibration_plan import Plan, plan_for
from hiera_compiler.profile.described import described
from hiera_compiler.profile.entry import Progress
from hiera_compiler.profile.microbenchmarks import groups
from hiera_compiler.profile.record import Protocol
from hiera_compiler.profile.subject import Subject
from hiera_compiler.profile.sweep import OutOfMemory
from hiera_compiler.profile.timing import Call, Timer, in_turns, quantile

MODEL_LENGTH = 10
"""How many times as long as a kernel's repeat that of a model is."""
UNDISTURBED = 0.25
"""Of repeats, the lower quartile is taken: what else a machine does only ever slows it."""
QUEUED = 500
"""Launches in a row by which it is seen whether a GPU falls behind; its queue has room for twice as many."""
BEHIND = 0.1
"""The share of their time that a GPU must then be behind: below it, launching is what takes the time."""


def calibrate(
    device: str = "cpu",
    *,
    compiled: bool = False,
    name: str | None = None,
    plan: Plan | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Calibration:
    """What was found out about the device at hand, eagerly and with `compiled` by torch.compile as well.

    Half precision and autocast on CUDA, fp32 on a CPU. `name` is what predictions will know it by; without one it is
    `cpu`, or the name of a known device, or what the device calls itself. About two minutes with the default plan.
    Raises SpecError where there is no such device, its memory ends, or a model cannot be compiled.
    """
    at = machine.find_device(device)
    plan = plan or plan_for(at.type)
    timer, dtype = machine.timer(at), machine.find_dtype(None, at)
    progress("rates of the device", 0, 1)
    work = _Work(described(at, name, timer), at, dtype, timer, plan, progress)
    progress("rate under steady load", 0, 1)
    share = sustained(at, dtype, timer, plan.sustained_seconds)
    formats = ("half", "amp") if at.type == "cuda" else ("fp32",)
    wanted = [f"{mode}-{one}" for mode in ("eager", "compiled")[: 1 + compiled] for one in formats]
    regimes = [next(regime for regime in REGIMES if regime.name == one) for one in wanted]
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
            launches = [one.launches * _launches(one.kernels) for one in several]
            with self._room(f"single kernels: {kind}"), torch.inference_mode():
                calls = [one.make(self._new) for one in several]
                for call in calls:
                    call()
                taken = self._in_turns(calls, launches, self.plan.kernel_seconds, f"single kernels: {kind}")
            for one, seconds in zip(several, taken, strict=True):
                if seconds is not None:
                    demands = tuple(demand(kernel, self.target, 1) for kernel in one.kernels)
                    samples.append(Sample(one.name, "kernel", demands, seconds / one.launches))
        return samples

    def whole_models(self, regime: Regime, micro: Sequence[Sample]) -> CalibratedRegime:
        """Whole models in one regime, all in turns, and the constants that come of them."""
        mode: Literal["eager", "compiled"] = "compiled" if regime.compiled else "eager"
        seconds = MODEL_LENGTH * self.plan.kernel_seconds
        setup = Setup(self.at, self.dtype, mode, Protocol(seconds=seconds), self.timer, regime.autocast)
        calls, prepared = [], []
        for model in self.plan.models:
            self.progress(f"preparing {model.name}, {regime.name}", 0, 1)
            compilation = compile_spec(model.spec, list(model.settings))
            kernels = [k for section in kernel_list(compilation.graph, regime) for k in section.kernels.listed]
            with self._room(model.name):
                bench = Bench(Subject.of(compilation), setup)
                found = self._batches(bench, model.batches)
            calls += found
            prepared += [(model.name, batch, kernels) for batch in model.batches[: len(found)]]
        launches = [_launches(kernels) for _, _, kernels in prepared]
        with self._room("whole models"):
            taken = self._in_turns(calls, launches, seconds, f"whole models, {regime.name}")
        timed = list(zip(prepared, taken, strict=True))
        rows = [
            Row(sample(name, "hiera", kernels, self.target, batch, batch / one), batch)
            for (name, batch, kernels), one in timed
            if one is not None
        ]
        left_out = tuple(f"{name} at {batch}" for (name, batch, _), one in timed if one is None)
        kinds = frozenset(kernel.kind for _, _, kernels in prepared for kernel in kernels)
        return fitted(regime.name, micro, rows, kinds, left_out)

    def _new(self, *sizes: int) -> Tensor:
        return torch.randn(*sizes, device=self.at, dtype=self.dtype)

    def _batches(self, bench: Bench, batches: Sequence[int]) -> list[Call]:
        """The calls of a model at these batches, up to the first that there is no room for."""
        calls: list[Call] = []
        for batch in batches:
            try:
                calls.append(bench.inference(batch))
            except OutOfMemory:
                if not calls:
                    raise
                break
        return calls

    @contextmanager
    def _room(self, what: str) -> Iterator[None]:
        """Where memory is allocated: the end of it raises SpecError."""
        try:
            yield
        except OutOfMemory as error:
            raise SpecError(problems.no_memory_to_calibrate(f"{what}, batch {error.batch}")) from error
        except (RuntimeError, MemoryError) as error:
            if not machine.is_too_large(error):
                raise
            raise SpecError(problems.no_memory_to_calibrate(what)) from error

    def _in_turns(
        self, calls: Sequence[Call], launches: Sequence[int], seconds: float, what: str
    ) -> list[float | None]:
        """Seconds of one call of each, none where they are the host's; each repeat fills the given seconds."""
        busy = [self.keeps_busy(call, count) for call, count in zip(calls, launches, strict=True)]
        times = [self.timer.calls_in(call, seconds) for call in calls]
        rounds: list[tuple[float, ...]] = []
        for number, taken in enumerate(in_turns(calls, times, self.plan.rounds, self.timer), start=1):
            rounds.append(taken)
            self.progress(what, number, self.plan.rounds)
        columns = zip(busy, zip(*rounds, strict=True), strict=True)
        return [quantile(column, UNDISTURBED) if is_busy else None for is_busy, column in columns]

    def keeps_busy(self, call: Call, launches: int) -> bool:
        """Whether running a call that launches so many kernels takes longer than launching them.

        On a CPU it always does. A GPU works behind the host, and prices are those of kernels in a full queue.
        """
        if self.at.type != "cuda":
            return True
        times = max(1, QUEUED // launches)
        return quantile([self.timer.backlog(call, times) for _ in range(3)], 0.5) > BEHIND


def _launches(kernels: Sequence[Kernel]) -> int:
    return round(sum(kernel.count for kernel in kernels))
