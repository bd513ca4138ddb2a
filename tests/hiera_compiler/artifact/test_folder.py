import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from hiera_compiler.artifact import folder
from hiera_compiler.artifact.problems import BuildError
from hiera_compiler.artifact.report import KIND


def put(target: Path, content: str = "new", force: bool = False, meanwhile: Callable[[], None] = lambda: None) -> None:
    with folder.replaced(target, force) as new:
        (new / "model.py").write_text(content)
        (new / folder.SUMMARY).write_text(json.dumps({"artifact": KIND, "files": {"model.py": len(content)}}))
        meanwhile()


def contents(target: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(target.iterdir())}


def code_of(error: pytest.ExceptionInfo[BuildError]) -> str:
    (diagnostic,) = error.value.diagnostics
    return diagnostic.code


def test_folder_appears_with_its_parents_and_nothing_beside_it(tmp_path: Path) -> None:
    put(tmp_path / "a" / "b")
    assert contents(tmp_path / "a" / "b")["model.py"] == "new"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_an_earlier_artifact_is_replaced_as_a_whole(tmp_path: Path) -> None:
    put(tmp_path / "a", "old")
    (tmp_path / "a" / "__pycache__").mkdir()  # from importing model.py
    put(tmp_path / "a", "new")
    assert contents(tmp_path / "a").keys() == {"model.py", "summary.json"}
    assert contents(tmp_path / "a")["model.py"] == "new"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    put(tmp_path / "a")
    assert contents(tmp_path / "a")["model.py"] == "new"


@pytest.mark.parametrize(
    "summary",
    [
        None,
        "{",
        "[]",
        "[" * 100_000,
        '{"artifact": "other", "files": {"notes.txt": 1}}',
        json.dumps({"artifact": KIND, "files": 5}),
        json.dumps({"artifact": KIND, "files": None}),
        json.dumps({"artifact": KIND, "files": [["notes.txt"]]}),
    ],
)
def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path, summary: str | None) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    if summary:
        (tmp_path / "summary.json").write_text(summary)
    before = contents(tmp_path)
    with pytest.raises(BuildError, match=r"'notes\.txt'") as error:
        put(tmp_path)
    assert code_of(error) == "H701"
    assert contents(tmp_path) == before


def test_a_summary_that_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "summary.json")  # reading it would wait for ever
    with pytest.raises(BuildError, match=r"'summary\.json'"):
        put(tmp_path)


def test_a_working_folder_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(BuildError, match="'a' cannot be written: no such file or directory"):
        put(Path("a"))


def test_a_link_to_itself_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("a")
    with pytest.raises(BuildError, match="too many levels of symbolic links"):
        folder.require_replaceable(tmp_path / "a", tmp_path / "a", force=True)


def test_an_artifact_with_a_file_of_the_users_is_refused_by_that_files_name(tmp_path: Path) -> None:
    put(tmp_path / "a")
    (tmp_path / "a" / "results.csv").write_text("mine")
    with pytest.raises(BuildError, match=r"'results\.csv'") as error:
        put(tmp_path / "a")
    assert "model.py" not in error.value.diagnostics[0].message
    assert (tmp_path / "a" / "results.csv").exists()


def test_a_folder_that_became_foreign_during_the_build_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a"

    def user_puts_notes_there() -> None:
        target.mkdir()
        (target / "notes.txt").write_text("mine")

    with pytest.raises(BuildError):
        put(target, meanwhile=user_puts_notes_there)
    assert contents(target) == {"notes.txt": "mine"}
    assert list(tmp_path.iterdir()) == [target]


def test_force_replaces_a_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("mine")
    put(tmp_path / "a", force=True)
    assert contents(tmp_path / "a").keys() == {"model.py", "summary.json"}


def test_a_file_is_refused_even_by_force(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(BuildError) as error:
        put(tmp_path / "a", force=True)
    assert code_of(error) == "H703"
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.parametrize("place", ["home", "cwd"])
def test_home_and_the_working_folder_are_refused_even_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    inner = tmp_path / "a" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(inner)) if place == "home" else monkeypatch.chdir(inner)
    with pytest.raises(BuildError) as error:
        put(tmp_path / "a", force=True)
    assert code_of(error) == "H704"
    assert inner.exists()


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("exists", [True, False])
def test_a_failure_leaves_all_as_it_was(tmp_path: Path, failure: type[BaseException], exists: bool) -> None:
    target = tmp_path / "made" / "a"
    if exists:
        put(target, "old")

    def fail() -> None:
        raise failure

    with pytest.raises(failure):
        put(target, meanwhile=fail)
    if exists:
        assert contents(target)["model.py"] == "old"
        assert list(target.parent.iterdir()) == [target]
    else:
        assert list(tmp_path.iterdir()) == []


def test_a_failure_between_the_two_renames_brings_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a"
    put(target, "old")
    rename = Path.rename

    def failing(self: Path, to: Path) -> Path:
        if self.name.endswith(".partial"):
            raise KeyboardInterrupt
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(KeyboardInterrupt):
        put(target, "new")
    assert contents(target)["model.py"] == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_link_points_to_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    put(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to("real")
    put(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "real")["model.py"] == "new"


def test_a_folder_below_a_file_is_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BuildError, match="file' is a file") as error:
        put(tmp_path / "file" / "a" / "b")
    assert code_of(error) == "H703"
    assert (tmp_path / "file").read_text() == "mine"


def test_a_name_that_is_too_long_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="file name too long"):
        put(tmp_path / ("a" * 300))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "words of Python"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(BuildError) as caught, folder.writing(tmp_path / "weights.safetensors"):
        raise error
    text = str(caught.value)
    assert code_of(caught) == "H702"
    assert "weights.safetensors" in text
    assert "words of Python" not in text
    assert "os error" not in text


def test_a_writer_that_fails_in_its_own_words_on_a_full_disk_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=4096))
    with pytest.raises(BuildError, match="the disk is full"), folder.writing(tmp_path / "later" / "model.pt2"):
        raise RuntimeError("unexpected pos 45487808 vs 45487696")


def test_an_error_that_is_not_about_writing_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a bug"), folder.writing(tmp_path / "model.pt2"):
        raise RuntimeError("a bug")


def test_a_disk_that_is_too_small_is_found_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="needs 1000000000000000 MB") as error:
        folder.require_space(tmp_path, tmp_path, 10**21)
    assert code_of(error) == "H705"
