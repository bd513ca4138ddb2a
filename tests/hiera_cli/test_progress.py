import re

import pytest

from hiera_cli.progress import Progress


def test_steps_are_plain_lines_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress("compiling (7 distinct blocks)")
        progress("writing [bold]")
    assert capsys.readouterr() == ("", "compiling (7 distinct blocks) ...\nwriting [bold] ...\n")


def test_a_terminal_shows_the_seconds_of_each_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress() as progress:
        progress("loading torch")
        progress("compiling")
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(r"loading torch.*0:00:00", err)
    assert re.search(r"compiling.*0:00:00", err)
