import json
from pathlib import Path
from typing import Any

import hiera_compiler as hc
from hiera_compiler import bundled


def test_the_committed_schema_is_current(hiera: Any) -> None:
    """`make schema` writes it anew."""
    assert (bundled.spec_dir() / "hiera.schema.json").read_text(encoding="utf-8") == hiera("schema").out


def test_the_committed_schema_of_spaces_is_current(hiera: Any) -> None:
    """`make schema` writes it anew."""
    committed = (bundled.spec_dir() / "spaces" / "hiera.space.schema.json").read_text(encoding="utf-8")
    assert committed == hiera("schema", "--space").out


def test_a_reference_is_of_specs_alone(hiera: Any) -> None:
    done = hiera("schema", "--space", "--markdown")
    assert done.code == 2
    assert "--markdown and --space exclude each other" in done.err


def test_stdout_is_the_schema_with_and_without_json(hiera: Any) -> None:
    done = hiera("schema")
    assert json.loads(done.out) == hc.json_schema()
    assert hiera("schema", "--json").out == done.out


def test_the_file_is_replaced_whole_and_keeps_its_rights(hiera: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("old")
    file.chmod(0o640)
    done = hiera("schema", "-o", str(file))
    assert (done.code, done.out, done.err) == (0, "", f"wrote {file}\n")
    assert json.loads(file.read_text(encoding="utf-8")) == hc.json_schema()
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_a_file_that_cannot_be_written_is_said(hiera: Any, tmp_path: Path) -> None:
    done = hiera("schema", "-o", str(tmp_path))
    assert done.code == 1
    assert f"error[H702]: '{tmp_path}' cannot be written: is a directory" in done.err


def test_markdown_is_the_reference_of_the_language(hiera: Any) -> None:
    assert hiera("schema", "--markdown").out.startswith("# The spec language\n")


def test_committed_reference_of_the_language_is_current() -> None:
    from hiera_compiler.spec.reference import reference

    committed = (Path(__file__).parents[2] / "docs" / "spec.md").read_text(encoding="utf-8")
    assert committed.strip() == reference().strip(), "run `make schema`"
