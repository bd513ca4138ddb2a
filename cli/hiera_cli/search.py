"""`hiera search`: the best architectures within a budget."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hiera_cli import search_options as given
from hiera_cli.exits import INTERRUPTED, NOTHING_FITS, show_problems
from hiera_cli.options import AsJson, Settings

if TYPE_CHECKING:
    from hiera_search.explore import Request, Search
    from hiera_search.report.form import Front


def search(
    space: given.SpaceName = None,
    latency_ms: given.LatencyMs = None,
    gmacs: given.GMacs = None,
    mparams: given.MParams = None,
    memory_gb: given.MemoryGb = None,
    min_accuracy: given.MinAccuracy = None,
    min_throughput: given.MinThroughput = None,
    device: given.Device = None,
    batch: given.Batch = None,
    regime: given.Regime = None,
    axis: given.Objective = None,
    accuracy: given.Accuracy = None,
    rows: given.Rows = None,
    risk: given.Risk = None,
    settings: Settings = None,
    task: given.Task = None,
    engine: given.Engine = None,
    sampler: given.Sampler = None,
    seed: given.Seed = None,
    candidates: given.Candidates = None,
    top: given.Top = None,
    measure: given.MeasureTop = None,
    storage: given.Storage = None,
    study: given.Study = None,
    output: given.Output = None,
    resume: given.Resume = None,
    validate_accuracy: given.Validate = None,
    as_json: AsJson = False,
) -> None:
    """Search a space of architectures for the best within a budget.

    What costs nothing to know is searched completely where the space is small enough, and nothing over a budget is
    reported. Leaves a folder with the winners as spec files, a table, a report to look at, and a study of Optuna.
    """
    if resume is not None and output not in (None, resume):
        raise typer.BadParameter(f"{output} is not the folder that --resume names; leave it out", param_hint="-o")
    if validate_accuracy is not None:
        from hiera_cli.validation import show_validation

        show_validation(validate_accuracy, [accuracy] if accuracy else (), as_json)
        return
    _run(_request(given.asked(locals()), resume), resume or output, as_json)


def _request(changes: dict[str, Any], resume: Path | None) -> Request:
    """The search that is asked for: that of a folder, with what was given now in place of what it says."""
    from hiera_search.explore import Request, read_request

    return (read_request(resume) if resume is not None else Request()).changed(changes)


def _run(request: Request, folder: Path | None, as_json: bool) -> None:
    from hiera_cli.counting import Counting
    from hiera_search.explore import Search, check_study, leave, outcome
    from hiera_search.ledger import Stops
    from hiera_search.report import read_front

    searching = Search(request, folder or Path("build") / "search" / Path(request.space).stem)
    check_study(searching)
    with Counting() as counting:
        found = searching.run(counting)
    is_stopped = found.interrupted
    with Stops() as stops:  # What was found is written, whenever Ctrl-C comes.
        front = outcome(searching, found, _command(request))
        try:
            front = leave(searching, front, say=lambda text: typer.echo(text, err=True))
        except KeyboardInterrupt:
            front, is_stopped = read_front(searching.folder), True
    show_problems(tuple(searching.warnings))
    _show(front, searching, as_json)
    if is_stopped or stops.signal is not None:
        place = shlex.quote(str(searching.folder))
        typer.echo(f"interrupted; what is finished is kept. To go on: hiera search --resume {place}", err=True)
        raise typer.Exit(INTERRUPTED)
    if front.impossible is not None:
        raise typer.Exit(NOTHING_FITS)


def _show(front: Front, searching: Search, as_json: bool) -> None:
    if front.impossible is not None:
        from hiera_search.explore.problems import nothing_fits

        show_problems((nothing_fits(front),))
    if as_json:
        from hiera_cli.output import print_json

        print_json(front.summary())
        return
    from hiera_cli.front_table import front_table, room

    typer.echo(front_table(front, room(), searching.request.top))
    if front.front:
        others = len([one for one in front.front if one.file]) - 1
        winners = f"best.yaml, {others} other winner{'s' if others > 1 else ''}" if others else "best.yaml"
        typer.echo(f"\nwrote {searching.folder}: {winners}, front.csv, front.json and report.html")
    else:
        typer.echo(f"\nwrote {searching.folder}: front.csv, front.json and report.html")


def _command(request: Request) -> str:
    """The command as it was typed, but for a password."""
    words = sys.argv[1:]
    if request.storage is not None:
        from hiera_search.ledger.address import address

        words = [word.replace(request.storage, address(request.storage).shown) for word in words]
    return shlex.join(["hiera", *words])
