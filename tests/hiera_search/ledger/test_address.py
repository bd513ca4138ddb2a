"""Where a study is, from what was typed; and that no secret comes out again."""

import traceback
from pathlib import Path

import pytest

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger.address import DatabaseAddress, JournalAddress, address


def code_of(storage: str) -> str:
    with pytest.raises(SpecError) as caught:
        address(storage)
    return caught.value.diagnostics[0].code


def test_a_folder_holds_a_journal(tmp_path: Path) -> None:
    assert address(tmp_path) == JournalAddress(tmp_path / "study.journal", str(tmp_path))
    assert address("new/folder") == JournalAddress(Path("new/folder/study.journal"), "new/folder")


def test_a_journal_may_be_named_itself(tmp_path: Path) -> None:
    there = tmp_path / "anything"
    there.touch()
    assert address(str(there)) == JournalAddress(there, str(there))
    assert address("mine.journal") == JournalAddress(Path("mine.journal"), "mine.journal")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_database_is_named_without_its_secrets(scheme: str) -> None:
    found = address(f"{scheme}://me:s3cret@host:5433/nas?sslmode=require&sslpassword=s3cret&password=s3cret")
    assert isinstance(found, DatabaseAddress)
    assert found.shown == f"{scheme}://me@host:5433/nas?sslmode=require"
    assert found.url.drivername == "postgresql+psycopg"
    assert "s3cret" not in repr(found)


def test_odd_characters_reach_the_driver() -> None:
    found = address("postgresql://m%40e:p%2Fa%40ss%7Bx%7D@host/n%7Bas")
    assert isinstance(found, DatabaseAddress)
    assert (found.url.username, found.url.password, found.url.database) == ("m@e", "p/a@ss{x}", "n{as")


@pytest.mark.parametrize(
    ("storage", "code"),
    [
        ("sqlite:///study.db", "H661"),
        ("mysql://host/db", "H660"),
        ("redis://host", "H660"),
        ("postgresql:nas", "H662"),
        ("postgresql://host", "H662"),
        ("postgresql://u:s3cret@host:port/db", "H662"),
        ("postgresql://u:s3cr@et@host/db", "H662"),
        ("postgresql://u:s3cret@[::1/db", "H662"),
    ],
)
def test_what_is_no_storage_is_refused_without_showing_it(storage: str, code: str) -> None:
    assert code_of(storage) == code
    try:
        address(storage)
    except SpecError as error:
        shown = "".join(traceback.format_exception(error))
        assert not any(secret in shown.split("address(storage)")[-1] for secret in ("s3cret", "s3cr@et", "et@host"))
