import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

import hiera_compiler as hc
from hiera_search.report import Front, read_front, write_result
from hiera_search.report.spec_file import MARK
from tests.support import fronts

FEW = ((64, 6), (96, 6), (128, 9))


def few(**changes: Any) -> Front:
    return fronts.front(shapes=FEW, **changes)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def code_of(caught: pytest.ExceptionInfo[hc.SpecError]) -> str:
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.code


def test_a_result_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = write_result(tmp_path / "new" / "found", few())
    assert read_front(tmp_path / "new" / "found") == written
    assert [one.file for one in written.front] == ["best.yaml", "hiera_b_around_96_6.yaml", "hiera_b_around_64_6.yaml"]
    names = {"front.json", "front.csv", "report.html", *(one.file for one in written.front)}
    assert files(tmp_path / "new" / "found").keys() == names


def test_equal_results_are_equal_bytes(tmp_path: Path) -> None:
    write_result(tmp_path / "a", few())
    write_result(tmp_path / "b", few())
    write_result(tmp_path / "b", few())
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_every_winner_builds_as_the_architecture_that_was_priced(tmp_path: Path) -> None:
    for one in write_result(tmp_path, few()).front:
        compilation = hc.compile(tmp_path / str(one.file))
        assert (compilation.spec.name, compilation.spec.hash) == (one.name, one.hash)
        assert (compilation.cost.params, compilation.cost.macs) == (one.params, one.macs)


def test_resolved_specs_are_read_back_too(tmp_path: Path) -> None:
    one = few().front[0]
    data = hc.compile("hiera_b_16x224").spec.data()
    write_result(tmp_path, few(front=(one.model_copy(update={"spec": data}),)))
    assert hc.compile(tmp_path / "best.yaml").spec.data() == data


def test_a_spec_file_looks_like_those_that_ship_and_says_where_it_is_from(tmp_path: Path) -> None:
    write_result(tmp_path, few())
    lines = (tmp_path / "best.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Found by `hiera search`: hiera_b_around_128_9"
    comment = "\n".join(line for line in lines if line.startswith("#"))
    for told in ("1,234,567 points", "stages.2.depth=9", "at most 3.3 ms", "a100-40gb", "at 90 %", "rung capacity"):
        assert told in comment
    for told in ("1.12x as fast as hiera_b", few().front[0].hash, few().command):
        assert told in comment
    assert "  - {depth: 3, channels: 256, heads: 8, attention: mask_unit, pool: max}" in lines
    assert max(map(len, lines)) <= 120


def test_a_kind_with_options_that_was_chosen_is_spelled_as_in_a_space(tmp_path: Path) -> None:
    kind = {"kind": "window", "window": {"choose": [4, 5]}, "shift": True}
    one = few().front[0].model_copy(update={"choice": {"att": kind, "class_token": False}})
    write_result(tmp_path, few(front=(one,)))
    told = "{kind: window, window: {choose: [4, 5]}, shift: true}"
    comment = (tmp_path / "best.yaml").read_text(encoding="utf-8").replace("\n#", "")
    assert f"att={told}, class_token=false" in " ".join(comment.split())
    (row,) = csv.DictReader(io.StringIO((tmp_path / "front.csv").read_text(encoding="utf-8")))
    assert (row["att"], row["class_token"]) == (told, "false")
    assert f"<dt>att</dt><dd>{told}</dd>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_no_name_ends_the_comment_that_it_stands_in(tmp_path: Path) -> None:
    one = few().front[0].model_copy(update={"name": "x\nname: y", "choice": {"a\r": "b\u2028\x85mlp_ratio: 3"}})
    write_result(tmp_path, few(front=(one,), command="hiera search\nhead: none"))
    assert hc.compile(tmp_path / "best.yaml").spec.hash == one.hash


def test_the_table_has_units_a_row_for_each_and_a_column_for_each_hole(tmp_path: Path) -> None:
    found = fronts.front(fronts.TOP1)
    write_result(tmp_path, found)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "front.csv").read_text(encoding="utf-8"))))
    assert [row["kind"] for row in rows] == ["front"] * len(found.front) + ["tie"] * len(found.ties)
    assert found.ties
    best = found.front[0]
    assert float(rows[0]["latency [ms]"]) == best.latency_ms
    assert float(rows[0]["score [% ImageNet-1K top-1]"]) == best.accuracy
    assert (rows[0]["width"], rows[0]["stages.2.depth"]) == ("160", "20")


def test_no_cell_of_the_table_is_a_formula(tmp_path: Path) -> None:
    one = few().front[0].model_copy(update={"name": '=HYPERLINK("http://x")'})
    write_result(tmp_path, few(front=(one,)))
    (row, *_) = csv.DictReader(io.StringIO((tmp_path / "front.csv").read_text(encoding="utf-8")))
    assert row["name"].startswith("'=")


def test_hostile_names_stay_in_the_folder(tmp_path: Path) -> None:
    names = ["../x", "<script>", "CON", "y" * 300, "/etc/x", "front.json"]
    winners = tuple(few().front[0].model_copy(update={"name": name}) for name in names)
    written = write_result(tmp_path / "found", few(front=winners))
    assert [path.name for path in tmp_path.iterdir()] == ["found"]
    assert {str(one.file) for one in written.front} < files(tmp_path / "found").keys()
    assert read_front(tmp_path / "found") == written


def test_winners_of_an_earlier_search_go_and_what_a_user_keeps_there_stays(tmp_path: Path) -> None:
    write_result(tmp_path, few())
    (tmp_path / "notes.yaml").write_text("mine")
    (tmp_path / "copy.yaml").write_bytes((tmp_path / "best.yaml").read_bytes())
    (tmp_path / "hiera_b_around_64_6.yaml").write_text("written anew by its user")
    write_result(tmp_path, few(front=few().front[:1]))
    assert files(tmp_path).keys() == {
        *("best.yaml", "front.csv", "front.json", "report.html"),
        *("notes.yaml", "copy.yaml", "hiera_b_around_64_6.yaml"),
    }


@pytest.mark.parametrize("name", ["front.json", "front.csv", "report.html", "best.yaml"])
def test_files_of_others_are_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(hc.SpecError) as caught:
        write_result(tmp_path, few())
    assert code_of(caught) == "H694"
    assert name in str(caught.value)
    assert files(tmp_path) == {name: b"{}"}


def test_a_forged_list_of_files_removes_nothing_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "found"
    write_result(folder, few())
    (tmp_path / "x.yaml").write_text(MARK)
    text = (folder / "front.json").read_text(encoding="utf-8")
    (folder / "front.json").write_text(text.replace('"hiera_b_around_64_6.yaml"', '"../x.yaml"'), encoding="utf-8")
    with pytest.raises(hc.SpecError) as caught:
        write_result(folder, few(front=few().front[:1]))
    assert code_of(caught) == "H694"
    assert (tmp_path / "x.yaml").exists()


def test_winners_left_by_a_search_that_was_killed_are_known(tmp_path: Path) -> None:
    write_result(tmp_path, few())
    for name in ("front.json", "front.csv", "report.html"):
        (tmp_path / name).unlink()
    assert write_result(tmp_path, few()).front


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    write_result(tmp_path / "found", few())
    (tmp_path / "outside").write_text("as it was")
    (tmp_path / "found" / "best.yaml").unlink()
    (tmp_path / "found" / "best.yaml").symlink_to(tmp_path / "outside")
    write_result(tmp_path / "found", few())
    assert (tmp_path / "outside").read_text() == "as it was"


@pytest.mark.parametrize("below", ["", "found"])
def test_a_file_in_place_of_the_folder_is_one_diagnostic(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(hc.SpecError) as caught:
        write_result(tmp_path / "file" / below, few())
    assert code_of(caught) in {"H695", "H702"}
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_place_of_a_file_is_one_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "best.yaml").mkdir()
    with pytest.raises(hc.SpecError) as caught:
        write_result(tmp_path, few())
    assert code_of(caught) == "H694"
    assert [path.name for path in tmp_path.iterdir()] == ["best.yaml"]


def test_a_full_disk_leaves_the_earlier_result_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_result(tmp_path, few())
    before = files(tmp_path)
    calls = []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 4:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(hc.SpecError) as caught:
        write_result(tmp_path, few(front=few().front[:1], seed=1))
    assert code_of(caught) == "H702"
    assert "no space left on device" in str(caught.value)
    assert files(tmp_path) == before


def test_the_data_is_one_line_for_each_candidate(tmp_path: Path) -> None:
    write_result(tmp_path, few())
    lines = (tmp_path / "front.json").read_text(encoding="utf-8").splitlines()
    assert lines[1] == '"format": "hiera-front-1",'
    candidates = [json.loads(line.rstrip(",")) for line in lines if line.startswith('{"name"')]
    assert [one["name"] for one in candidates[:3]] == [one.name for one in few().front]


def test_texts_beside_a_result_are_replaced_with_it_and_never_those_of_others(tmp_path: Path) -> None:
    write_result(tmp_path / "ours", few(), beside={"search.json": "1"})
    write_result(tmp_path / "ours", few(), beside={"search.json": "2"})
    assert (tmp_path / "ours" / "search.json").read_text() == "2"
    (tmp_path / "search.json").write_text("somebody's")
    with pytest.raises(hc.SpecError) as caught:
        write_result(tmp_path, few(), beside={"search.json": "3"})
    assert code_of(caught) == "H694"
    assert (tmp_path / "search.json").read_text() == "somebody's"


def test_two_results_are_written_one_after_the_other(tmp_path: Path) -> None:
    import fcntl
    from threading import Thread

    write_result(tmp_path, few())
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    other = Thread(target=write_result, args=(tmp_path, few(seed=7)))
    other.start()
    other.join(0.5)
    assert other.is_alive()
    assert read_front(tmp_path).seed == few().seed
    os.close(handle)
    other.join()
    assert read_front(tmp_path).seed == 7
