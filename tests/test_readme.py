"""What the README shows is what the commands print."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ hiera (.*)\n((?:(?!\$ |```).*\n)*)", README, re.MULTILINE)


def printed(arguments: str) -> str:
    command = [sys.executable, "-c", "from hiera_cli.main import main; raise SystemExit(main())", *arguments.split()]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.stdout


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.mark.parametrize(("arguments", "shown"), [case for case in COMMANDS if not case[0].startswith("build")])
def test_shown_output_is_what_the_command_prints(arguments: str, shown: str) -> None:
    *expected, last = lines(shown)
    actual = lines(printed(arguments))
    if last == "...":  # the README shows the beginning
        assert actual[: len(expected)] == expected
    else:
        assert actual == [*expected, last]


def test_shown_build_has_the_stage_table_of_show() -> None:
    (shown,) = (shown for arguments, shown in COMMANDS if arguments.startswith("build"))
    table = [line for line in lines(printed("show hiera_b")) if re.match(r"stage|stem|head|all|─", line)]
    assert len(table) == 10
    assert [line for line in lines(shown) if line in table] == table


def test_shown_picture_is_what_show_draws(tmp_path: Path) -> None:
    printed(f"show hiera_b --svg {tmp_path / 'hiera_b.svg'}")
    assert (tmp_path / "hiera_b.svg").read_text(encoding="utf-8") == (ROOT / "docs" / "hiera_b.svg").read_text(
        encoding="utf-8"
    )


def test_shown_spec_is_the_bundled_spec() -> None:
    (spec,) = re.findall(r"```yaml\n# specs/hiera_b.yaml\n(.*?)```", README, re.DOTALL)
    assert spec in (ROOT / "specs" / "hiera_b.yaml").read_text(encoding="utf-8")


def test_shown_python_gives_the_shown_values() -> None:
    test = doctest.DocTestParser().get_doctest(README, {}, "README", "README.md", 0)
    assert len(test.examples) >= 5
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0
