"""How a command ends early: what is said on stderr, and the exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hiera_compiler.diagnostics import Diagnostic, SpecError

DONE = 0
PROBLEMS = 1
BAD_USAGE = 2
NOTHING_FITS = 3
OUR_BUG = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

_NO_MEMORY = ("can't allocate memory", "CUDA out of memory")
"""What torch says where memory ends; its class of error for that is not there without a GPU."""

# Typer's class for all bad usage, in whichever module this version of typer keeps it.
_BadUsage = typer.BadParameter.__mro__[1]


def ended_by(error: BaseException, as_json: bool) -> int:
    """Say what ended a command, and give its exit code."""
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return INTERRUPTED
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return _disk_is_full()
    if isinstance(error, MemoryError) or any(text in str(error) for text in _NO_MEMORY):
        typer.echo("error: there is not enough memory\n = help: use a smaller model, input or batch", err=True)
        return PROBLEMS
    if isinstance(error, _BadUsage):
        typer.echo(_usage(error), err=True)
        return BAD_USAGE
    # Imported here: a command that ends well may need nothing of the compiler.
    from hiera_compiler.diagnostics import SpecError

    if not isinstance(error, SpecError):
        from hiera_compiler.kinds.packages import fault_of_others

        fault = fault_of_others(error)
        error = error if fault is None else SpecError(fault)
    if isinstance(error, SpecError):
        return _problems(error, as_json)
    typer.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    typer.echo("\nthis is a bug in hiera, not in your input; report it with the spec and this traceback", err=True)
    return OUR_BUG


def show_problems(diagnostics: tuple[Diagnostic, ...]) -> None:
    """Diagnostics as text on stderr, in colour on a terminal, and where to read more about them."""
    from hiera_compiler.diagnostics import render

    if not diagnostics:
        return
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    typer.echo(render(diagnostics, color=_in_colour()), err=True)
    typer.echo(f"\n`hiera explain {codes[0]}` says more{' of the first kind' if len(codes) > 1 else ''}", err=True)


def _problems(error: SpecError, as_json: bool) -> int:
    show_problems(error.diagnostics)
    if as_json:
        from hiera_compiler.diagnostics import render

        typer.echo(render(error.diagnostics, "json"))
    return PROBLEMS


def _in_colour() -> bool:
    # https://no-color.org: any value that is not empty.
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _disk_is_full() -> int:
    # What is still in the buffer would be written at exit, and that failure reported there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    typer.echo("error: the output cannot be written: no space left on device", err=True)
    return PROBLEMS


def _usage(error: BaseException) -> str:
    """Bad usage in the form of our diagnostics; the facts are typer's."""
    parameter = getattr(error, "param", None)
    if type(error) is typer.BadParameter:
        place = f"{parameter.get_error_hint()}: " if parameter is not None else ""
        fact = place + _in_our_words(error.message)
    else:
        fact = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    fact = fact.rstrip(".").replace("argument(s)", "argument").replace(". Did you mean", "; did you mean")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "hiera"
    return f"error: {fact[:1].lower()}{fact[1:]}\n = help: `{command} --help` lists what it takes"


def _in_our_words(message: str) -> str:
    """What pydantic, which converts values for typer, says of one: without the parts that speak of pydantic."""
    message = message.removeprefix("Value error, ")
    if message.startswith("Input should be "):
        message = "must be " + message.removeprefix("Input should be ").partition(",")[0]
    return message
