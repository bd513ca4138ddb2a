import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiera_search.report.names import file_names


def test_the_first_is_best_and_the_others_have_their_own_names() -> None:
    assert file_names(["wide_1", "wide_2", "deep-3.5"]) == ["best.yaml", "wide_2.yaml", "deep-3.5.yaml"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "_.._etc_passwd.yaml"),
        ("/absolute", "_absolute.yaml"),
        ("<script>alert(1)</script>", "_script_alert_1_script_.yaml"),
        ("CON", "_CON.yaml"),
        ("com1.x", "_com1.x.yaml"),
        ("", "candidate.yaml"),
        ("...", "candidate.yaml"),
        ("x" * 300, "x" * 95 + ".yaml"),
        ("best", "best_2.yaml"),
        ("größe\n", "gr_e_.yaml"),
    ],
)
def test_a_name_becomes_a_plain_file_name(name: str, file: str) -> None:
    assert file_names(["first", name])[1] == file


def test_names_that_a_disk_takes_for_the_same_are_numbered() -> None:
    assert file_names(["a", "Wide", "wide", "wide"]) == ["best.yaml", "Wide.yaml", "wide_2.yaml", "wide_3.yaml"]


@given(st.lists(st.text(), max_size=8))
def test_no_two_files_are_the_same_and_none_leaves_its_folder(names: list[str]) -> None:
    files = file_names(names)
    assert len({file.lower() for file in files}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.yaml", file) for file in files)
