"""Whatever the input: a Source or a SpecError, in bounded time."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiera_compiler.diagnostics import SpecError, render
from hiera_compiler.source import read_file, read_text, with_settings

SPEC = """\
name: x # c
input: {size: [224, 224], channels: 3}
stages:
  - {depth: 2, pool: &p {kind: max, stride: 1e-3}}
  - depth: 3
    pool: *p
text: |
  a
quoted: "a\\n"
"""
SYNTAX = ["- ", ": ", "<<: ", "---\n", "!!set ", *"[]{}&*!|>'\"%@`#,?:-~\\ \t\r\n\0\x07\x85\u2028\ufeffa1é日"]
# Far more than any input takes: it fails for what is not bounded, not for a slow machine.
LIMITED = settings(deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(content: str) -> None:
    error = refusal(content)
    if error is None:
        return
    assert error.diagnostics
    assert render(error.diagnostics, "json")
    assert render(error.diagnostics, "github")
    assert not {"\x1b", "\0", "\x07"} & set(render(error.diagnostics))


def refusal(content: str) -> SpecError | None:
    try:
        read_text(content, "x.yaml")
    except SpecError as error:
        return error
    return None


@LIMITED
@given(st.text())
def test_any_text_is_read_or_refused(content: str) -> None:
    check(content)


@LIMITED
@given(st.lists(st.sampled_from(SYNTAX)).map("".join))
def test_any_syntax_is_read_or_refused(content: str) -> None:
    check(content)


@LIMITED
@given(st.integers(0, len(SPEC)), st.integers(0, 8), st.lists(st.sampled_from(SYNTAX), max_size=4).map("".join))
def test_any_mutation_of_a_spec_is_read_or_refused(start: int, length: int, piece: str) -> None:
    check(SPEC[:start] + piece + SPEC[start + length :])


@LIMITED
@given(content=st.binary())
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    with suppress(SpecError):
        read_file(file)


@LIMITED
@given(st.text() | st.lists(st.sampled_from([*SYNTAX, "stages", "name", ".", "=", "0"])).map("".join))
def test_any_setting_is_applied_or_refused(setting: str) -> None:
    with suppress(SpecError):
        with_settings(read_text(SPEC, "x.yaml"), [setting])


def bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x]"]
    for level in range(1, levels):
        uses = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{uses}]")
    return "\n".join(lines)


MIB = 1 << 20
HOSTILE = {
    "aliases that multiply": (bomb(30, 9), "H012"),
    "aliases that nest": (bomb(100, 1), "H011"),
    "brackets": ("[" * MIB, "H011"),
    "items": ("- " * (MIB // 2), "H011"),
    "questions": ("? " * (MIB // 2), "H011"),
    "indents": ("".join(f"{' ' * level}a:\n" for level in range(1400)), "H011"),
    "values": ("a: [" + "1," * (MIB // 2 - 4) + "]", "H012"),
    "tag lines": ("%TAG !a! b\n" * (MIB // 11), "H014"),
    "tags": ("a: [" + "!a b," * (MIB // 5 - 4) + "]", "H014"),
    "duplicates": ("a: {" + "a," * (MIB // 2 - 4) + "}", "H016"),
    "digits": ("a: " + "1" * (MIB - 3), "H018"),
    "aliases of nothing": (
        "a: [" + "".join(f"&anchor{index} b," for index in range(30_000)) + "]\nb: [" + "*anch0r," * 60 + "]",
        "H013",
    ),
    "spaces": (" " * MIB, "H007"),
    "a character at the end": ("a: " + "x" * (MIB - 4) + "\0", "H006"),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mebibyte_is_refused_and_told_shortly(name: str) -> None:
    content, code = HOSTILE[name]
    with pytest.raises(SpecError) as caught:
        read_text(content, "x.yaml")
    assert {problem.code for problem in caught.value.diagnostics} == {code}
    assert len(str(caught.value)) < 50_000


def test_brackets_in_hundreds_of_thousands_do_not_end_the_process(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("[" * 200_000)
    program = """
import sys
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.source import load
try:
    load(sys.argv[1])
except SpecError as error:
    print(error.diagnostics[0].code)
"""
    command = [sys.executable, "-c", program, str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "H011\n", "")
