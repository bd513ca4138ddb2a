"""The command `hiera`. This module imports typer alone; each command imports what it needs when it runs."""

import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from hiera_cli.build import build
from hiera_cli.calibrate import calibrate
from hiera_cli.check import check
from hiera_cli.devices import devices
from hiera_cli.diff import diff
from hiera_cli.exits import BAD_USAGE, DONE, ended_by
from hiera_cli.explain import explain
from hiera_cli.profile import profile
from hiera_cli.report import report
from hiera_cli.reproduce import reproduce
from hiera_cli.schema import schema
from hiera_cli.search import search
from hiera_cli.show import show
from hiera_cli.space import space
from hiera_cli.specs import specs
from hiera_cli.worker import worker

app = typer.Typer(
    name="hiera",
    # Without markup, help needs no rich and starts in half the time.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 a problem in what was given, 2 bad usage, 3 nothing fits the budget, "
    "70 a bug in hiera.",
)
for command in (
    build,
    check,
    show,
    diff,
    profile,
    space,
    search,
    report,
    worker,
    devices,
    calibrate,
    reproduce,
    specs,
    schema,
    explain,
):
    app.command()(command)


@app.callback(invoke_without_command=True)
def hiera(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Compile YAML specs of Hiera vision transformers into verified, fast PyTorch models.

    Data goes to stdout and words to stderr. With --json, stdout holds one JSON object, also where a spec has
    problems.
    """
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"hiera {installed('hiera-compiler')}")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(BAD_USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, by default that of this process, and give the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # pydantic would look through every installed package for plugins, and none of them is meant for specs.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a character shows a question mark instead.
        sys.stdout.reconfigure(errors="replace")
    _clean_up_when_terminated()
    try:
        # Typer itself ends in silence, with 1, where the reader of stdout has gone, as `head` does.
        code = app(list(arguments), prog_name="hiera", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - what nobody expected is reported as our bug
        return ended_by(error, as_json="--json" in arguments)
    return code if isinstance(code, int) else DONE


def _clean_up_when_terminated() -> None:
    """Let a scheduler's SIGTERM and a closed terminal's SIGHUP end a command as Ctrl-C does, partial files removed."""
    if threading.current_thread() is not threading.main_thread():
        return  # Only the main thread may set handlers.
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)
