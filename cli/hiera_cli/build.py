"""`hiera build`: a spec to a folder of verified files."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hiera_cli.exits import show_problems
from hiera_cli.options import AsJson, Settings, SpecName, TaskName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hiera_compiler.artifact import Artifact, Report


def build(
    spec: SpecName,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="The folder to write; by default build/NAME, or build/NAME_mae."
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A checkpoint, safetensors or .pth; by default initial weights."),
    ] = None,
    settings: Settings = None,
    task: TaskName = "classify",
    no_compile: Annotated[bool, typer.Option("--no-compile", help="Leave out torch.compile and its check.")] = False,
    emit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT",
            help="Also write the model as python (a file that needs only torch), export (torch.export's .pt2) "
            "or onnx; may be repeated.",
        ),
    ] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where the model runs and compiles.")] = "cpu",
    batch: Annotated[int, typer.Option(min=1, max=4096, help="Samples in the input that it runs on.")] = 2,
    force: Annotated[bool, typer.Option("--force", help="Replace the folder, whatever is in it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build a verified model from a spec, into a folder.

    Checks that the compiled model and the eager one agree, and writes spec, graph and weights, all or nothing.
    """
    import hiera_compiler as hc
    from hiera_cli.progress import Progress
    from hiera_compiler import artifact

    compilation = hc.compile(spec, settings or (), task)
    folder = output or Path("build") / compilation.name
    options = artifact.Options(tuple(emit or ()), weights, not no_compile, device, batch, force)
    with Progress() as progress:
        built = artifact.build(compilation, folder, options, progress)
    show_problems(built.report.warnings)
    if as_json:
        typer.echo(json.dumps({"folder": str(built.path), **built.report.data()}, indent=2))
    else:
        typer.echo("\n".join(_lines(built)))


def _lines(built: Artifact) -> Iterator[str]:
    from hiera_cli.stages import stage_table

    report = built.report
    yield f"{report.name}{', masked autoencoder' if report.task == 'mae' else ''}\n"
    yield f"{stage_table(report.cost)}\n"
    yield from report.weights["summary"] if report.weights else ["initial weights"]
    yield _compiled(report)
    for what, group in groupby(report.checks, key=lambda check: check.what):
        checks = list(group)
        batches = ", ".join(str(check.batch) for check in checks)
        worst = max(check.difference for check in checks)
        yield f"{what} agrees with eager: relative difference {worst:.1e} at batch {batches}"
    yield f"wrote {built.path}: {', '.join([*report.files, 'summary.json'])}"


def _compiled(report: Report) -> str:
    compiled = report.compiled
    if compiled.seconds is None:
        return f"not compiled: {compiled.why_not}"
    return f"compiled {compiled.distinct} distinct of {compiled.blocks} blocks in {compiled.seconds:.1f} s"
