"""One model, ready to be called at any batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

import torch
from torch import Tensor

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.profile import machine, problems
from hiera_compiler.profile.allocation import most_allocated
from hiera_compiler.profile.compiled import compile_in_place, full_graphs
from hiera_compiler.profile.count import Count, count
from hiera_compiler.profile.record import Conditions, Protocol, Regime
from hiera_compiler.profile.subject import Subject, first_line
from hiera_compiler.profile.sweep import OutOfMemory
from hiera_compiler.profile.timing import Call, Timer


@dataclass(frozen=True)
class Setup:
    """Where and how models are measured."""

    device: torch.device
    dtype: torch.dtype
    regime: Regime
    protocol: Protocol
    timer: Timer
    autocast: bool = False
    """Whether weights are float32 and ``dtype`` is that of autocast, entered for each pass."""

    @property
    def weights(self) -> torch.dtype:
        """The format of the weights."""
        return torch.float32 if self.autocast else self.dtype


class Bench:
    """A model on its device. Raises SpecError where it cannot be there, and OutOfMemory where a batch cannot."""

    def __init__(self, subject: Subject, setup: Setup, observed_batch: int = 1) -> None:
        self.subject = subject
        self.setup = setup
        self._require_memory(observed_batch)
        with self.running(observed_batch):
            self.module = subject.build(setup.device).to(setup.weights).eval()
            with self._casting():
                self.observed: Count = count(self.module, self.pixels(observed_batch))
        self.notes: tuple[str, ...] = ()
        if setup.regime == "compiled":
            self.notes = (compile_in_place(self.module, subject.name),)

    @property
    def attention(self) -> str:
        """What the attention ran as, before compiling."""
        kernels = sorted(name.strip("_").removeprefix("scaled_dot_product_") for name in self.observed.attention)
        if kernels:
            return ", ".join(kernels)
        return "explicit products" if "softmax" in self.observed.kinds else "none"

    def conditions(self) -> Conditions:
        """The regime of what is measured now."""
        return Conditions(
            device=machine.device_name(self.setup.device),
            dtype=machine.dtype_name(self.setup.dtype),
            regime=self.setup.regime,
            attention=self.attention,
            torch=torch.__version__,
            threads=torch.get_num_threads(),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def pixels(self, batch: int) -> Tensor:
        """A batch of normal noise."""
        return torch.randn(batch, *self.subject.input_shape, device=self.setup.device, dtype=self.setup.dtype)

    def inference(self, batch: int) -> Call:
        """A call that runs the batch once; it has run already as often as the warm-up asks for."""
        self._require_memory(batch)
        with self.running(batch):
            pixels = self.pixels(batch)

        def call() -> None:
            try:
                with torch.inference_mode(), self._casting():
                    self.module(pixels)
            except (RuntimeError, MemoryError) as error:
                self._explain(error, batch)
                raise

        return self._warm(call, batch)

    def training(self, batch: int) -> Call:
        """The same of forward and backward. The module is in training mode from now on."""
        self._require_memory(batch, training=True)
        self.module.train()
        with self.running(batch):
            pixels = self.pixels(batch)

        def call() -> None:
            try:
                self._step(pixels)
            except (RuntimeError, MemoryError) as error:
                self._explain(error, batch)
                raise
            finally:
                self.module.zero_grad(set_to_none=True)

        return self._warm(call, batch)

    def _step(self, pixels: Tensor) -> None:
        with self._casting():
            given = outputs(self.module(pixels))
        # A single number that comes first is a loss, as autoencoders give it; other outputs all count alike.
        loss = torch.zeros((), device=self.setup.device)
        for output in given[:1] if given and given[0].ndim == 0 else given:
            loss = loss + output.float().mean()
        loss.backward()

    def peak_bytes(self, call: Call) -> int:
        """The most that torch has allocated during the call, with the weights and without other models."""
        weights = sum(value.nbytes for value in (*self.module.parameters(), *self.module.buffers()))
        return weights + most_allocated(call, self.setup.device, self.setup.timer)

    def _casting(self) -> AbstractContextManager[object]:
        if not self.setup.autocast:
            return nullcontext()
        return torch.autocast(self.setup.device.type, self.setup.dtype)

    @contextmanager
    def running(self, batch: int) -> Iterator[None]:
        """Around calls: the end of memory raises OutOfMemory, a format without an operator SpecError."""
        with ExitStack() as stack:
            if self.setup.regime == "compiled":
                stack.enter_context(full_graphs(self.subject.name))
            try:
                yield
            except (RuntimeError, MemoryError) as error:
                self._explain(error, batch)
                raise

    def _warm(self, call: Call, batch: int) -> Call:
        with self.running(batch):
            for _ in range(self.setup.protocol.warmup):
                call()
            self.setup.timer.synchronise()
        return call

    def _explain(self, error: RuntimeError | MemoryError, batch: int) -> None:
        """Raises what the error means, where it means something to a user."""
        if machine.is_too_large(error):
            machine.let_go(error, self.setup.device)
            raise OutOfMemory(batch, name=self.subject.name) from None
        if isinstance(error, NotImplementedError) or "not implemented for" in str(error):
            names = machine.dtype_name(self.setup.dtype), str(self.setup.device)
            raise SpecError(problems.unsupported(self.subject.name, *names, first_line(error))) from error

    def _require_memory(self, batch: int, training: bool = False) -> None:
        """On a CPU, refuse what would not fit before the system has to end the process."""
        free = machine.available_memory() if self.setup.device.type == "cpu" else None
        if free is None:
            return
        size, counted = self.setup.dtype.itemsize / 4, self.subject.count
        pixels = 4 * torch.Size(self.subject.input_shape).numel()
        needed = batch * (pixels + (2 * counted.written_bytes if training else counted.peak_bytes))
        needed = int(size * (needed + (4 * counted.params if training or batch == 1 else 0)))
        available = int(free * self.setup.protocol.memory_share)
        if needed > available:
            raise OutOfMemory(batch, needed, available, self.subject.name)


def outputs(found: object) -> Sequence[Tensor]:
    """The tensors that a model gave: logits, a list of maps, or a dict of either."""
    if isinstance(found, Tensor):
        return [found]
    values = found.values() if isinstance(found, dict) else found if isinstance(found, list | tuple) else ()
    return [tensor for value in values for tensor in outputs(value)]
