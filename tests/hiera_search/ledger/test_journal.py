"""A journal outlives what happens to files: half a record, damage, a full disk, locks of dead processes."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import Job, enqueue, open_study, record
from hiera_search.ledger.journal import JournalFile
from tests.support.workers import PARAMETERS, candidates

JOB = Job("nap", {"seconds": "0"})


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a study with three trials."""
    record(open_study(tmp_path, space=PARAMETERS), candidates(3), {})
    return tmp_path / "study.journal"


def names(journal: Path) -> list[str]:
    return [trial.candidate.name for trial in open_study(journal, create=False).trials()]


def test_half_a_record_at_the_end_is_taken_off_and_told(journal: Path) -> None:
    whole = journal.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    journal.write_bytes(whole[: -len(last) // 2])
    found = open_study(journal, create=False)
    assert [trial.candidate.name for trial in found.trials()] == ["n0", "n1"]
    assert [warning.code for warning in found.storage.warnings] == ["H674"]
    record(found, candidates(4), {})
    assert names(journal) == ["n0", "n1", "n2", "n3"]
    assert journal.with_name("study.journal.lost").read_bytes().strip() == last[: len(last) - len(last) // 2].strip()


def test_zeros_of_a_power_cut_are_taken_off(journal: Path) -> None:
    whole = journal.read_bytes()
    for tail in (b"\0" * 4096, b"\0" * 70000, b"\0\0" + whole[-20:]):
        journal.write_bytes(whole + tail)
        assert names(journal) == ["n0", "n1", "n2"]
        assert journal.read_bytes() == whole


def test_a_writer_takes_off_what_another_one_left_half_written(journal: Path) -> None:
    found = open_study(journal, create=False)
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"killed",')
    record(found, candidates(4), {})
    assert [warning.code for warning in found.storage.warnings] == ["H674"]
    assert names(journal) == ["n0", "n1", "n2", "n3"]


def test_damage_in_the_middle_is_shown_with_its_line_and_nothing_is_changed(journal: Path) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = b"\xff\xfe{" + lines[2]
    journal.write_bytes(b"".join(lines))
    with pytest.raises(SpecError, match=r"H673.*line 3 of .*study.journal"):
        open_study(journal, create=False)
    assert journal.read_bytes() == b"".join(lines)


@pytest.mark.parametrize("content", [b"# Notes\nunfinished", b"no line break", b"[1, 2]\n", b"SQLite format 3\0"])
def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "notes.txt"
    other.write_bytes(content)
    with pytest.raises(SpecError, match=r"H673"):
        open_study(other)
    assert other.read_bytes() == content


@pytest.mark.parametrize("wrong", [{"op_code": 99}, {"op_code": 4}])
def test_a_record_that_optuna_does_not_write_is_shown_with_its_line(journal: Path, wrong: dict[str, int]) -> None:
    count = len(journal.read_bytes().splitlines())
    lines = [{"worker_id": "x", **wrong}, {"op_code": 2, "worker_id": "x", "study_id": 0, "user_attr": {"a": 1}}]
    with journal.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    with pytest.raises(SpecError, match=rf"H673.*line {count + 1} of"):
        open_study(journal, create=False)


@given(st.lists(st.sampled_from(["append", "half", "read"]), max_size=12))
def test_records_are_read_as_they_were_written_whatever_was_cut_between(steps: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path, kept = Path(folder) / "study.journal", []
        writer, reader = JournalFile(path), JournalFile(path)
        for number, step in enumerate(steps):
            if step == "append":
                kept.append({"op_code": 2, "worker_id": "w", "number": number})
                writer.append_logs(kept[-1:])
            elif step == "half":
                with path.open("ab") as file:
                    file.write(b'{"op_code":2,"wor')
            else:
                assert list(reader.read_logs(0)) == kept
                assert list(reader.read_logs(len(kept) // 2)) == kept[len(kept) // 2 :]
        assert list(JournalFile(path).read_logs(0)) == kept


FULL = """\
import resource, sys
from tests.support.workers import candidates
from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import Job, enqueue, open_study

found = open_study(sys.argv[1], create=False)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    enqueue(found, candidates(50), Job("nap", {"seconds": "0"}))
except SpecError as error:
    print(error.diagnostics[0].code)
"""


def test_a_full_disk_is_one_message_and_loses_nothing(journal: Path) -> None:
    # A limit on the file's size fails in the middle of a record, as a full disk does.
    limit = journal.stat().st_size + 2500
    command = [sys.executable, "-c", FULL, str(journal), str(limit)]
    checkout = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    assert done.stdout == "H672\n"
    found = open_study(journal, create=False)
    assert found.storage.warnings == []
    assert 3 < len(found.trials()) < 53
    enqueue(found, candidates(50), JOB)
    assert len(found.trials()) == 53


def test_no_space_left_is_told_with_the_systems_reason(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = open_study(journal, create=False)
    before = journal.read_bytes()

    def fails(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(SpecError, match=r"H672.*no space left on device"):
        enqueue(found, candidates(1), JOB)
    assert journal.read_bytes().startswith(before)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(SpecError, match=r"H672"):
        open_study(tmp_path / "file.txt" / "study")


def test_a_journal_that_is_not_there_is_not_made_by_a_worker(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"H672.*no such file"):
        open_study(tmp_path / "study", create=False)
    assert not (tmp_path / "study").exists()


def test_lock_files_that_dead_processes_left_do_not_block(journal: Path) -> None:
    # Both those of ours, and the links that Optuna's own locks are.
    for name in ("write-lock", "keys-lock", "claims-lock", "tables-lock"):
        journal.with_name(f"study.journal.{name}").touch()
    journal.with_name("study.journal.lock").symlink_to(journal)
    assert names(journal) == ["n0", "n1", "n2"]


def test_a_process_that_keeps_the_lock_is_named_as_the_reason(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hiera_search.ledger import journal as module
    from hiera_search.ledger.locks import locked

    found = open_study(journal, create=False)
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    lock = journal.with_name("study.journal.write-lock")
    with locked(lock, 1, journal), pytest.raises(SpecError, match=r"H675"):
        enqueue(found, candidates(1), JOB)


def test_optuna_reads_the_journal_by_itself(journal: Path) -> None:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.load_study(study_name="search", storage=storage)
    assert [trial.value for trial in study.trials] == [0.0, 1.0, 2.0]
    assert study.best_params == {"width": "narrow", "depth": 3}
