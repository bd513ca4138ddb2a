import json
import re
from pathlib import Path
from typing import Any

import hiera_compiler
from hiera_compiler.diagnostics import codes


def test_a_code_is_explained_in_any_case(hiera: Any) -> None:
    done = hiera("explain", "h301")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("H301: Pooling happens inside a mask unit")
    assert hiera("explain", "H301").out == done.out


def test_every_code_of_the_compiler_is_listed(hiera: Any) -> None:
    package = Path(hiera_compiler.__file__).parent
    makers = sum(file.read_text().count("\n@code(") for file in package.rglob("*.py"))
    lines = hiera("explain").out.splitlines()
    assert len(lines) >= makers  # the search has its own
    assert [line[:4] for line in lines] == sorted(codes())
    assert all(re.fullmatch(r"H\d{3}  \S.+", line) for line in lines)


def test_json_holds_titles_or_one_explanation(hiera: Any) -> None:
    titles = json.loads(hiera("explain", "--json").out)
    found = json.loads(hiera("explain", "H104", "--json").out)
    assert found["code"] == "H104"
    assert found["explanation"].splitlines()[0] == titles["H104"]


def test_a_near_miss_gets_a_suggestion(hiera: Any) -> None:
    done = hiera("explain", "H0001")
    assert done.code == 2
    assert done.err.startswith("error: there is no code 'H0001'; did you mean H001?")
