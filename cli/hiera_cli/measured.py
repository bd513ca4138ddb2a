"""What `hiera profile` measures: speed on the machine at hand, traces, and models of other people."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hiera_cli.measured_options import Asked
    from hiera_compiler import Compilation
    from hiera_compiler.estimate.predict import Prediction
    from hiera_compiler.profile import Run, Subject


@dataclass(frozen=True)
class Outcome:
    """What was measured, by position of the model; the run is none where only traces were asked for."""

    run: Run | None
    traces: tuple[tuple[Path, Path], ...]
    asked: Asked

    def data(self, index: int) -> dict[str, Any]:
        """What the profile of one model says of it: `measured`, and `traces` where there are some."""
        found: dict[str, Any] = {"measured": []}
        if self.run is not None and index < len(self.run.measurements):
            one = self.run.measurements[index]
            found["measured"] = [one.data() | {"training_days": _days(self.asked, one)}]
        if index < len(self.traces):
            found["traces"] = [str(path) for path in self.traces[index]]
        return found

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before its end."""
        return self.run is not None and self.run.interrupted


def peer(target: str) -> Subject:
    """The model that `timm:NAME` or `module:FILE.py:FACTORY` names, counted on the meta device. Raises SpecError."""
    from hiera_compiler.profile import peer as find

    _quiet()
    subject = find(target)
    subject.count  # noqa: B018 - raises where it cannot be traced
    return subject


def peer_data(subject: Subject, batch: int, number_format: str) -> dict[str, Any]:
    """A peer's profile as plain data, with the same counts as a spec's and none where only a graph has them."""
    from hiera_compiler.estimate import ELEMENT_BYTES

    counted, width = subject.count, ELEMENT_BYTES[number_format]
    return {
        "name": subject.name,
        "task": None,
        "input": list(subject.input_shape),
        "batch": batch,
        "dtype": number_format,
        "params": counted.params,
        "macs": counted.macs,
        "released_macs": None,
        "flops": counted.flops,
        "acts": counted.acts,
        "weight_bytes": counted.params * width,
        "peak_activation_bytes": None,
        "peak_activation_bytes_eager": counted.peak_bytes * batch * width // 4,
        "bytes_moved": None,
        "stages": [],
        "ops": [],
        "measured": [],
        "predicted": [],
    }


def measured(models: Sequence[Compilation | Subject], asked: Asked) -> Outcome:
    """Everything that was asked for, measured. Raises SpecError, and bad usage for flags that do not fit together."""
    _quiet()
    from hiera_cli.bars import Bars
    from hiera_compiler.profile import measure
    from hiera_compiler.profile.traces import require_folder

    run, traces = None, []
    device = asked.device if asked.device and asked.names_this_machine else _here()
    _warn(device, asked.dtype)
    if asked.trace is not None:
        # Before minutes of measuring.
        require_folder(asked.trace)
    with Bars() as bars:
        if asked.measure:
            run = measure(
                models,
                device=device,
                dtype=asked.dtype,
                batch=asked.batch or "auto",
                regime=asked.regime or "eager",
                train=asked.train,
                progress=bars,
            )
        if asked.trace is not None and not (run and run.interrupted):
            for index, model in enumerate(models):
                bars(f"tracing {_name(model)}", 0, 1)
                found = run.measurements[index].batch if run else asked.batch
                traces.append(_traced(model, asked.trace, found or 1, device, asked))
    return Outcome(run, tuple(traces), asked)


def _traced(model: Compilation | Subject, folder: Path, batch: int, device: str, asked: Asked) -> tuple[Path, Path]:
    """The trace and its page, which shows the prediction for the device that was named, if another one was."""
    from hiera_compiler.profile import trace

    prediction = _prediction(model, batch, asked) if asked.names_a_known_device else None
    files = trace(
        model,
        folder,
        batch,
        device=device,
        dtype=asked.dtype,
        regime=asked.regime or "eager",
        predicted={name: 1000 * seconds for name, seconds in prediction.stages} if prediction else None,
        predicted_for=f"{prediction.device}, {prediction.regime}, {prediction.dtype}" if prediction else "",
    )
    return files.trace, files.page


def _prediction(model: Compilation | Subject, batch: int, asked: Asked) -> Prediction | None:
    """For the regime that is measured: that without autocast where there are two; none for other people's models."""
    from hiera_cli.predicted import predictions
    from hiera_compiler import Compilation

    if asked.device is None or not isinstance(model, Compilation):
        return None
    found = [one for one in predictions(model, asked.device, batch) if one.regime.startswith(asked.regime or "eager")]
    return next((one for one in found if "amp" not in one.regime), found[0] if found else None)


def report(outcome: Outcome) -> list[str]:
    """What was measured, in paragraphs for people."""
    from hiera_cli.measured_tables import tables

    parts = [tables(outcome.run, _all_days(outcome))] if outcome.run and outcome.run.measurements else []
    parts += [f"wrote {page}\n      {file}" for file, page in outcome.traces]
    return parts


def _all_days(outcome: Outcome) -> Mapping[int, float]:
    found = outcome.run.measurements if outcome.run else ()
    days = {index: _days(outcome.asked, one) for index, one in enumerate(found)}
    return {index: value for index, value in days.items() if value is not None}


def _days(asked: Asked, one: Any) -> float | None:
    if asked.train_images is None or asked.epochs is None or one.training is None:
        return None
    return float(one.training.device_days(asked.train_images, asked.epochs))


def _warn(device: str, dtype: str | None) -> None:
    """Say on stderr where the processor emulates the format that is to be measured. Raises SpecError."""
    from hiera_cli.exits import show_problems
    from hiera_compiler.profile import machine, problems

    at = machine.find_device(device)
    number_format = machine.find_dtype(dtype, at)
    if machine.emulates(number_format, at):
        names = machine.dtype_name(number_format), machine.device_name(at)
        show_problems((problems.slow_format(*names),))


def _here() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _name(model: Compilation | Subject) -> str:
    return model.name


def _quiet() -> None:
    """Before torch is imported: its profiler would print its stages on stderr."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
