import json
import os
from pathlib import Path
from typing import Any

import pytest

import hiera_compiler as hc
from hiera_search.report import Front, read_front, write_result
from tests.support import fronts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_result(tmp_path, fronts.front(shapes=((64, 6), (96, 6))))
    return tmp_path


def changed(folder: Path, **values: Any) -> None:
    data = json.loads((folder / "front.json").read_text(encoding="utf-8"))
    (folder / "front.json").write_text(json.dumps(data | values), encoding="utf-8")


def problem(folder: Path) -> tuple[str, str]:
    with pytest.raises(hc.SpecError) as caught:
        read_front(folder)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.code, diagnostic.message


def test_there_is_no_result(tmp_path: Path) -> None:
    assert problem(tmp_path)[0] == "H690"
    assert problem(tmp_path / "nowhere")[0] == "H690"


def test_a_file_is_no_folder(folder: Path) -> None:
    assert problem(folder / "front.json")[0] == "H695"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is cut short"),
        (b'{"format": "hiera-front-1", "title": "x', "it is cut short"),
        (b"name: hiera_b", "it is not JSON"),
        (b'{"format": "hiera-front-1", "seed": NaN}', "it is not JSON"),
        (b'{"format": "hiera-front-1", "seed": 1e999}', "it is not JSON"),
        (b"[]", "it names no format"),
        (b'{"name": "package"}', "it names no format"),
        (b"\xff\xfe", "it is not text"),
        (b"[" * 200_000, "it is nested too deeply"),
    ],
)
def test_something_else_is_no_result(folder: Path, content: bytes, reason: str) -> None:
    (folder / "front.json").write_bytes(content)
    assert problem(folder) == ("H691", f"'{folder / 'front.json'}' holds no result of a search: {reason}")


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    (folder / "front.json").unlink()
    os.mkfifo(folder / "front.json")
    assert problem(folder)[0] == "H691"


def test_a_later_format_is_named(folder: Path) -> None:
    changed(folder, format="hiera-front-2")
    code, message = problem(folder)
    assert code == "H692"
    assert "'hiera-front-2'" in message


def test_values_that_no_search_writes_are_named_by_their_places(folder: Path) -> None:
    front = json.loads((folder / "front.json").read_text(encoding="utf-8"))["front"]
    front[1]["latency_ms"] = -1.0
    del front[0]["hash"]
    changed(folder, front=front, evaluated=-1, extra=1)
    code, message = problem(folder)
    assert code == "H693"
    assert "'evaluated', 'front.0.hash', 'front.1.latency_ms', ..." in message


def test_the_summary_holds_what_the_json_of_a_search_promises(folder: Path) -> None:
    summary = read_front(folder).summary()
    assert summary.keys() == {"space", "budgets", "evaluated", "front"}
    assert summary["space"] == {"points": 1_234_567, "lawful": 803_211, "exact": True}
    assert summary["front"][0].keys() == {
        *("name", "spec", "hash", "params", "macs", "latency_ms", "latency_low", "latency_high", "throughput"),
        *("accuracy", "accuracy_rung", "accuracy_low", "accuracy_high"),
    }
    assert json.loads(json.dumps(summary)) == summary


def test_a_file_name_that_leaves_the_folder_is_not_a_value(folder: Path) -> None:
    front = fronts.front(shapes=((64, 6),)).front[0].model_dump()
    for name in ("../x.yaml", "/x.yaml", "a/b.yaml", ".yaml", "x.txt", "x.yaml\n"):
        with pytest.raises(ValueError, match="file"):
            Front.model_validate(read_front(folder).model_dump() | {"front": [front | {"file": name}]})
