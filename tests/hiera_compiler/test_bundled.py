"""The specs that ship with the package."""

from pathlib import Path

import pytest

from hiera_compiler import bundled


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("hiera_b.yaml", "hiera_a.yaml", "hiera.schema.json"):
        (tmp_path / "specs" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "specs" / name).write_text("name: x\n")
    (tmp_path / "specs" / "spaces").mkdir()
    (tmp_path / "specs" / "spaces" / "hiera_wide.yaml").write_text("# A wide space. And more.\nname: x\n")
    (tmp_path / "secret.yaml").write_text("name: x\n")
    monkeypatch.setattr(bundled, "spec_dir", lambda: tmp_path / "specs")
    return tmp_path / "specs"


def test_the_specs_are_a_folder_that_exists() -> None:
    assert bundled.spec_dir().is_dir()


def test_names_are_sorted_and_without_suffix(folder: Path) -> None:
    assert bundled.names() == ["hiera_a", "hiera_b"]
    assert bundled.path("hiera_b") == folder / "hiera_b.yaml"


def test_spaces_lie_in_a_folder_of_their_own_and_are_no_specs(folder: Path) -> None:
    assert bundled.spaces() == ["hiera_wide"]
    assert "hiera_wide" not in bundled.names()
    assert bundled.path("hiera_wide") == folder / "spaces" / "hiera_wide.yaml"
    assert bundled.summary("hiera_wide") == "A wide space"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "sub/../../secret",
        "hiera_b.yaml",
        "",
        ".",
        "hiera_c",
        "hiera_b\0",
        "hiera_b\n",
        "x" * 5000,
        "spaces/wide/hiera_wide",
    ],
)
def test_only_a_plain_name_reaches_the_files(name: str) -> None:
    assert bundled.path(name) is None


def test_every_shipped_name_has_its_file() -> None:
    for name in [*bundled.names(), *bundled.spaces()]:
        file = bundled.path(name)
        assert file is not None
        assert file.is_file()
