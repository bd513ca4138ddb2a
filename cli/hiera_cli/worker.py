"""`hiera worker`: take part in a search that evaluates candidates on several machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hiera_cli.exits import show_problems
from hiera_cli.options import AsJson
from hiera_cli.output import print_json

if TYPE_CHECKING:
    from hiera_search.ledger import Ledger, Report


def worker(
    storage: Annotated[
        str,
        typer.Option(
            metavar="PLACE", help="Where the study is: a search's folder, or postgresql://USER@HOST/DATABASE."
        ),
    ],
    study: Annotated[str, typer.Option(metavar="NAME", help="The study's name.")] = "search",
    max_trials: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Stop after so many trials.", show_default=False)
    ] = None,
    idle_exit: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="SECONDS", help="Stop after so long without a trial; else wait.", show_default=False
        ),
    ] = None,
    patience: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long the database may be away.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Evaluate candidates that wait in a study, beside other workers.

    Takes one trial at a time, so that each is evaluated once. When stopped by Ctrl-C or SIGTERM, the trial at hand goes
    back into the queue; trials of a worker that was killed are found by the others and evaluated again.
    """
    from hiera_search.ledger import Terms, open_study, work

    with open_study(storage, study, create=False) as ledger:
        show_problems(tuple(ledger.storage.warnings))
        shown = len(ledger.storage.warnings)
        terms = Terms(max_trials, idle_exit, patience)
        report = work(ledger, terms, say=lambda text: typer.echo(text, err=True))
    show_problems(tuple(report.warnings[shown:]))
    typer.echo(_summary(report), err=True)
    if report.waiting or report.signal is not None:
        typer.echo(f"to go on: {_command(ledger)}", err=True)
    if as_json:
        print_json(_data(ledger, report))
    if report.signal is not None:
        raise typer.Exit(128 + report.signal)


def _summary(report: Report) -> str:
    parts = [f"{report.finished} trial{'' if report.finished == 1 else 's'} finished"]
    parts += [f"{report.failed} failed"] if report.failed else []
    parts += [f"{report.taken_over} taken over by others"] if report.taken_over else []
    parts += [f"{report.waiting} waiting", f"{report.running} with other workers"]
    why = [f"\n{number} cannot be evaluated here: {reason}" for reason, number in report.unable.items()]
    return ", ".join(parts) + "".join(why)


def _command(ledger: Ledger) -> str:
    """What starts the worker again; a password is not in it."""
    from shlex import quote

    study = "" if ledger.name == "search" else f" --study {quote(ledger.name)}"
    return f"hiera worker --storage {quote(ledger.storage.shown)}{study}"


def _data(ledger: Ledger, report: Report) -> dict[str, object]:
    return {
        "storage": ledger.storage.shown,
        "study": ledger.name,
        "finished": report.finished,
        "failed": report.failed,
        "taken_over": report.taken_over,
        "waiting": report.waiting,
        "running": report.running,
        "unable": report.unable,
        "stopped": report.signal is not None,
    }
