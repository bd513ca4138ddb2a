import json
import subprocess
import sys
from pathlib import Path

import pytest

import hiera_compiler as hc
from hiera_cli.front_table import front_table
from hiera_cli.report import report
from hiera_search.report import Front, render, write_result
from tests.support import fronts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_result(tmp_path, fronts.front(fronts.TOP1))
    return tmp_path


def test_the_page_is_drawn_again_and_the_front_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = (folder / "report.html").read_bytes()
    (folder / "report.html").write_text("an older one")
    report(folder)
    out, err = capsys.readouterr()
    assert (folder / "report.html").read_bytes() == drawn
    assert out.startswith("90 % safe latency of a batch of 1 on a100-40gb")
    assert "hiera_b_around_160_20" in out
    assert err == f"wrote {folder / 'report.html'}\n"


def test_the_page_can_go_elsewhere(folder: Path, tmp_path: Path) -> None:
    before = (folder / "report.html").stat().st_mtime_ns
    report(folder, tmp_path / "page.html")
    assert "hiera_b_around_160_20" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert (folder / "report.html").stat().st_mtime_ns == before


def test_json_is_that_of_a_search(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(folder, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["front"][0]["name"] == "hiera_b_around_160_20"
    assert found["front"][0]["accuracy_rung"] == "table"


def test_a_folder_without_a_result_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(hc.SpecError) as caught:
        report(tmp_path)
    assert [found.code for found in caught.value.diagnostics] == ["H690"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("front", [fronts.front(), fronts.front(fronts.TOP1), fronts.nothing_fits()])
def test_the_table_fits_its_width_and_says_all(front: Front, width: int) -> None:
    text = front_table(front, width)
    assert max(map(len, text.splitlines())) <= width
    assert " ".join(text.split()).startswith(front.title)
    shown = front.front or (fronts.neighbour(fronts.SIZE, *fronts.SHAPES[0]),)
    for one in shown:
        (row,) = [line for line in text.splitlines() if f" {one.macs / 1e9:.2f} " in line]
        assert row[:8] == one.name[:8]
        assert row.split()[0][-8:] == one.name[-8:]
    assert text.count("1.12x as fast as hiera_b at +0.3") == len(shown)
    assert "rung " in text


def test_the_table_of_the_first_few_says_how_many_more_there_are() -> None:
    front = fronts.front()
    text = front_table(front, 120, top=2)
    assert f"{len(front.front) - 2} more on the front" in text
    assert front.front[2].name not in text


def test_a_long_name_is_cut_and_a_hostile_one_moves_no_cursor() -> None:
    (one, *_) = fronts.front(shapes=((64, 6),)).front
    names = ["n" * 100, "\x1b[2Jgone"]
    front = fronts.front(shapes=(), front=tuple(one.model_copy(update={"name": name}) for name in names))
    text = front_table(front, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "nnn…nnn" in text
    assert "\\x1b[2J" in text
    assert "\x1b" not in text


def test_extrapolated_scores_are_marked() -> None:
    front = fronts.front(fronts.TOP1)
    assert any(one.extrapolated for one in front.front)
    assert "*: extrapolated" in front_table(front)
    assert "*" not in front_table(front, top=1)


def test_drawing_again_imports_no_torch_and_no_optuna(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hiera_cli.report import report; report(Path(sys.argv[1]));"
        "heavy = {'torch', 'optuna', 'networkx', 'numpy'} & sys.modules.keys(); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, folder], check=True, capture_output=True)


def test_the_page_of_a_hundred_winners_is_drawn_in_a_second() -> None:
    front = fronts.front()
    assert len(render(front.model_copy(update={"front": front.front * 12}))) > 500_000


def test_the_table_says_what_was_measured_and_where() -> None:
    found = fronts.front()
    one = fronts.measured(found.front[0])
    assert one.measured is not None
    elsewhere = one.model_copy(update={"measured": one.measured.model_copy(update={"as_predicted": False})})
    text = front_table(found.model_copy(update={"front": (elsewhere, *found.front[1:])}), 120)
    assert text.split("\n\n")[1].split("\n")[0].split()[7:9] == ["measured", "samples/s"]
    assert "another machine than the a100-40gb of the prediction" in " ".join(text.split())
    assert "measured" not in front_table(found, 120)


def test_the_table_says_of_ties_that_they_score_no_better_beyond_noise() -> None:
    found = fronts.front(fronts.TOP1)
    assert found.ties
    text = " ".join(front_table(found, 120).split())
    assert f"up to {max(one.accuracy for one in found.ties):.2f}" in text
    assert "by no more than the estimate's error" in text


def test_a_published_model_with_another_input_is_told_with_it() -> None:
    found = fronts.front()
    one = found.front[0]
    assert one.nearest is not None
    larger = one.model_copy(update={"nearest": one.nearest.model_copy(update={"input": "3x448x448"})})
    changed = found.model_copy(update={"front": (larger, *found.front[1:])})
    assert "nearest published: at its own input, 3x448x448." in front_table(changed, 120)
    assert "its input is 3x448x448" in render(changed)
    assert "nearest published:" not in front_table(found, 120)
    assert "its input" not in render(found)
