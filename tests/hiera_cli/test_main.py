"""How commands start and end, whichever command it is."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

import hiera_compiler

COMMANDS = (
    "build",
    "check",
    "show",
    "diff",
    "profile",
    "space",
    "search",
    "report",
    "worker",
    "devices",
    "calibrate",
    "reproduce",
    "specs",
    "schema",
    "explain",
)


def installed(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("hiera")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def compile(*_: object) -> NoReturn:
        raise error

    return compile


def imported_by(*arguments: str) -> set[str]:
    code = f"import sys; from hiera_cli.main import main; main({list(arguments)}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_help_imports_nothing_heavy() -> None:
    heavy = {"torch", "optuna", "networkx", "numpy", "sqlalchemy", "pydantic", "yaml", "rich", "hiera_compiler"}
    assert not heavy & imported_by("--help")


def test_check_imports_no_framework() -> None:
    found = imported_by("check", "hiera_b")
    assert "pydantic" in found  # so that the next line can fail
    assert not {"torch", "optuna", "sqlalchemy", "networkx", "numpy", "rich"} & found


@pytest.mark.parametrize(
    "arguments", [["specs"], ["show", "hiera_t"], ["diff", "hiera_t", "hiera_s"], ["schema"], ["explain", "H301"]]
)
def test_commands_that_run_no_model_do_without_torch(arguments: list[str]) -> None:
    assert not {"torch", "numpy", "networkx"} & imported_by(*arguments)


def test_help_lists_every_command(hiera: Any) -> None:
    done = hiera("--help")
    assert done.code == 0
    listed = [line.split()[0] for line in done.out.partition("Commands:\n")[2].splitlines() if line.startswith("  ")]
    assert listed[: len(COMMANDS)] == list(COMMANDS)
    assert "Exit codes: 0 done, 1 a problem in what was given, 2 bad usage" in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(hiera: Any, command: str) -> None:
    done = hiera(command, "-h")
    assert done.code == 0
    assert "--json" in done.out


def test_no_command_shows_help_as_bad_usage(hiera: Any) -> None:
    done = hiera()
    assert (done.code, done.out) == (2, "")
    assert "Commands:" in done.err


def test_version_is_that_of_the_package(hiera: Any) -> None:
    done = hiera("--version")
    assert (done.code, done.out, done.err) == (0, "hiera 0.1.0\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shw", "hiera_b"], "error: no such command 'shw'; did you mean 'show'?"),
        (["show"], "error: missing argument 'SPEC'"),
        (["show", "hiera_b", "hiera_l"], "error: got unexpected extra argument (hiera_l)"),
        (["show", "hiera_b", "--ful"], "error: no such option: --ful"),
        (["check", "hiera_b", "--format", "xml"], "error: '--format': 'xml' is not one of 'text', 'json', 'github'"),
        (["check", "hiera_b", "--set"], "error: option '--set' requires an argument"),
        (["build", "hiera_b", "--batch", "two"], "error: '--batch': must be a valid integer"),
        (["build", "hiera_b", "--batch", "0"], "error: '--batch': must be greater than or equal to 1"),
        (["schema", "--markdown", "--json"], "error: --markdown and --json exclude each other"),
        (["explain", "H999"], "error: there is no code 'H999'; `hiera explain` lists the codes"),
    ],
)
def test_bad_usage_is_one_fact_and_where_to_look(hiera: Any, arguments: list[str], said: str) -> None:
    done = hiera(*arguments)
    assert (done.code, done.out) == (2, "")
    fact, help = done.err.splitlines()
    assert fact.startswith(said)
    assert help.startswith(" = help: `hiera ")
    assert help.endswith("--help` lists what it takes")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "hiera_bb"], "error[H001]: no spec named 'hiera_bb'"),
        (["show", "no/such.yaml"], "error[H001]: no file 'no/such.yaml'"),
        (["show", "."], "error[H002]: '.' is a folder"),
        (["show", "hiera_b", "--set", "depth"], "error[H030]: the setting has no '='"),
        (["show", "hiera_b", "--set", "stages.9.depth=2"], "error[H024]: the list has 4 items and no item '9'"),
        (["space", "nope"], "error[H001]: no space named 'nope'"),
        (["diff", "hiera_b", "nope"], "error[H001]: no spec named 'nope'"),
    ],
)
def test_what_a_user_wrote_is_answered_with_diagnostics(hiera: Any, arguments: list[str], said: str) -> None:
    done = hiera(*arguments)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(said)
    assert done.err.endswith(f"\n\n`hiera explain {said[6:10]}` says more\n")


@pytest.mark.parametrize("arguments", [["show", "nope"], ["diff", "nope", "hiera_b"], ["build", "nope"]])
def test_problems_are_json_too_where_json_is_asked_for(hiera: Any, arguments: list[str]) -> None:
    done = hiera(*arguments, "--json")
    assert done.code == 1
    assert [found["code"] for found in json.loads(done.out)["diagnostics"]] == ["H001"]
    assert done.err.startswith("error[H001]: no spec named 'nope'")


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 1 TB")]
)
def test_too_little_memory_is_no_bug_of_ours(hiera: Any, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(hiera_compiler, "compile", raising(error))
    done = hiera("show", "hiera_b")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: there is not enough memory\n = help: use a smaller model, input or batch\n"


def test_our_own_failures_say_so(hiera: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hiera_compiler, "compile", raising(ZeroDivisionError("oops")))
    done = hiera("show", "hiera_b")
    assert (done.code, done.out) == (70, "")
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert "ZeroDivisionError: oops\n\nthis is a bug in hiera, not in your input; report it" in done.err


def test_ctrl_c_ends_without_a_traceback(hiera: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hiera_compiler, "compile", raising(KeyboardInterrupt()))
    done = hiera("show", "hiera_b")
    assert (done.code, done.out, done.err) == (130, "", "")


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("arguments", [["--version"], ["schema"]], ids=["less than a buffer", "more than a buffer"])
def test_a_closed_pipe_is_left_in_silence(arguments: list[str]) -> None:
    command = [str(Path(sys.executable).with_name("hiera")), *arguments]
    done = subprocess.run(command, stdout=closed_pipe(), stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_no_bug_of_ours() -> None:
    command = [str(Path(sys.executable).with_name("hiera")), "--version"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: no space left on device\n"


def test_characters_that_stdout_cannot_take_are_replaced() -> None:
    done = installed("show", "hiera_t", env={**os.environ, "PYTHONIOENCODING": "latin-1"}, encoding="latin-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "norm ? linear 1152" in done.stdout


def test_messages_are_in_colour_only_on_a_terminal_that_wants_it(hiera: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in hiera("show", "nope").err
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    from hiera_cli.exits import _in_colour

    assert _in_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not _in_colour()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not _in_colour()


def test_no_first_sentence_is_cut_off_in_the_list_of_commands() -> None:
    listed = installed("--help", env=os.environ | {"COLUMNS": "80"}).stdout
    lines = [line for line in listed.splitlines() if line.strip().partition(" ")[0] in COMMANDS]
    assert len(lines) == len(COMMANDS)
    assert [line for line in lines if line.endswith("...")] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_command_cleans_up_and_says_so_by_its_exit_code(number: int) -> None:
    code = f"""
import os, signal
import hiera_compiler
from hiera_cli.main import main

signal.signal({int(number)}, signal.SIG_DFL)  # under nohup, SIGHUP would be ignored, and stay so

def compile(*_):
    try:
        os.kill(os.getpid(), {int(number)})
        import time
        time.sleep(60)
    finally:
        print("cleaned up")

hiera_compiler.compile = compile
main(["show", "hiera_t"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "cleaned up\n", "")
