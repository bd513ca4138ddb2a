"""`hiera profile`: what a spec costs, exactly; what was measured here; what is predicted for other devices."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiera_cli import measured
from hiera_cli import measured_options as given
from hiera_cli.exits import INTERRUPTED
from hiera_cli.options import Settings, TaskName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hiera_compiler import Compilation
    from hiera_compiler.estimate.predict import Prediction
    from hiera_compiler.pipeline import Task
    from hiera_compiler.profile import Subject

_SHORT = {"fp32": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16"}


def profile(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help=given.TARGETS, show_default=False)],
    settings: Settings = None,
    task: TaskName = "classify",
    batch: Annotated[
        str, typer.Option(metavar="N|auto", help="Samples in a batch; auto counts memory for one, measures the best.")
    ] = "auto",
    dtype: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT", help="Number format of weights and activations; float32, or float16 measured on CUDA."
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Predict speed on this device (`hiera devices`, or a file of `hiera calibrate`); "
            "or, with --measure, cpu or cuda.",
        ),
    ] = None,
    measure: given.Measure = False,
    regime: given.Regime = None,
    no_train: given.NoTrain = False,
    train_images: given.TrainImages = None,
    epochs: given.Epochs = None,
    trace: given.Trace = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each spec, one a line, on stdout.")
    ] = False,
) -> None:
    """Say what specs cost, and how fast they are.

    Parameters, multiply-accumulates and memory are exact; speed is measured here, or predicted for another device.
    Costs and predictions need no torch. Several specs share one table; one alone is also shown by stage and by
    kind of primitive. With --task mae they are those of the masked autoencoders that pretrain the specs.
    """
    count, number_format = _batch(batch), _number_format(dtype or "float32")
    asked = given.Asked(measure, device, dtype, count, regime, not no_train, train_images, epochs, trace)
    asked.require_consistent()
    models = _models(specs, settings or (), task)
    rows = [_row(model, count or 1, number_format) for model in models]
    found = _predictions(models, device or "", count) if asked.names_a_known_device else []
    outcome = measured.measured(models, asked) if asked.anything else None
    if as_json:
        _print_lines(rows, found, outcome)
    else:
        _print_tables(rows, found, outcome)
    if outcome and outcome.interrupted:
        raise typer.Exit(INTERRUPTED)


def _print_lines(rows: list[dict[str, Any]], found: list[list[Prediction]], outcome: measured.Outcome | None) -> None:
    """One JSON object a line for each model."""
    import json

    for index, row in enumerate(rows):
        if found:
            from hiera_cli.predicted import prediction_data

            row["predicted"] = list(map(prediction_data, found[index]))
        typer.echo(json.dumps(row | (outcome.data(index) if outcome else {})))


def _print_tables(rows: list[dict[str, Any]], found: list[list[Prediction]], outcome: measured.Outcome | None) -> None:
    """Everything for people; models of others have no graph to predict from, and so no rows there."""
    from hiera_cli.profile_tables import tables

    parts = [tables(rows)]
    named = [(row["name"], several) for row, several in zip(rows, found, strict=bool(found)) if several]
    if named:
        from hiera_cli import predicted

        parts.append(predicted.tables(named))
        parts += [predicted.AUTOENCODERS] if any(row["task"] == "mae" for row in rows) else []
    if others := [row["name"] for row, several in zip(rows, found, strict=bool(found)) if not several]:
        parts.append(f"no prediction for {', '.join(others)}: speed is predicted from a spec's graph")
    typer.echo("\n\n".join([*parts, *(measured.report(outcome) if outcome else ())]))


def _predictions(models: list[Compilation | Subject], device: str, batch: int | None) -> list[list[Prediction]]:
    """The predictions of each model: of specs in every regime known for the device, of others none."""
    from hiera_cli.predicted import predictions, warn
    from hiera_compiler import Compilation

    warn(device)
    return [predictions(model, device, batch) if isinstance(model, Compilation) else [] for model in models]


def _row(model: Compilation | Subject, batch: int, number_format: str) -> dict[str, Any]:
    from hiera_compiler import Compilation

    if isinstance(model, Compilation):
        return profile_data(model, batch, number_format)
    return measured.peer_data(model, batch, number_format)


def profile_data(compilation: Compilation, batch: int, number_format: str) -> dict[str, Any]:
    """A spec's profile as plain data: counts are for one sample, bytes for a batch in a number format."""
    from hiera_compiler.estimate import ELEMENT_BYTES, bytes_moved, peak_activation_bytes

    cost, graph, width = compilation.cost, compilation.graph, ELEMENT_BYTES[number_format]
    parts = {
        name: [asdict(row) | {"bytes_moved": bytes_moved(row, batch, width)} for row in rows]
        for name, rows in (("stages", cost.stages), ("ops", cost.kinds))
    }
    return {
        "name": compilation.name,
        "task": compilation.task,
        "input": list(compilation.spec.input_shape),
        "batch": batch,
        "dtype": number_format,
        "params": cost.params,
        "macs": cost.macs,
        "released_macs": compilation.released_cost.macs,
        "flops": cost.flops,
        "acts": cost.acts,
        "weight_bytes": cost.params * width,
        "peak_activation_bytes": peak_activation_bytes(graph, batch, width),
        "peak_activation_bytes_eager": peak_activation_bytes(graph, batch, width, "late"),
        "bytes_moved": bytes_moved(cost, batch, width),
        **parts,
        "measured": [],
        "predicted": [],
    }


def _batch(text: str) -> int | None:
    """The number of samples, or None for `auto`; raises SpecError for anything else."""
    if text == "auto":
        return None
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0:
        return int(text)
    from hiera_compiler.diagnostics import SpecError
    from hiera_compiler.profile.problems import not_a_batch

    raise SpecError(not_a_batch(text))


def _number_format(text: str) -> str:
    """The full name of a number format; raises SpecError where there is none of that name."""
    from hiera_compiler.estimate import ELEMENT_BYTES

    name = _SHORT.get(text, text)
    if name in ELEMENT_BYTES:
        return name
    from hiera_compiler.diagnostics import SpecError
    from hiera_compiler.profile.problems import unknown_dtype

    raise SpecError(unknown_dtype(text, [*ELEMENT_BYTES, *_SHORT]))


def _models(names: Sequence[str], settings: Sequence[str], task: Task) -> list[Compilation | Subject]:
    """Compilations with their graphs, and peers, counted; raises SpecError with the problems of all of them."""
    from hiera_compiler import SpecError, compile
    from hiera_compiler.profile.targets import is_peer

    found: dict[Any, None] = {}
    models: list[Compilation | Subject] = []
    for name in names:
        try:
            if is_peer(name):
                models.append(measured.peer(name))
                continue
            compilation = compile(name, settings, task)
            compilation.graph  # noqa: B018 - the last phase that can find a problem
            models.append(compilation)
        except SpecError as error:
            found |= dict.fromkeys(error.diagnostics)
    if found:
        raise SpecError(found)
    return models
