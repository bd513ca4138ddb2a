"""What docs/spaces.md shows is what happens."""

import doctest
import re
from pathlib import Path

from hiera_search.space import load_space
from hiera_search.space.limits import MAX_HOLES, MAX_NESTING, MAX_OPTIONS, MAX_RANGE_CHECKED, MAX_VALUES

DOCS = (Path(__file__).parents[3] / "docs" / "spaces.md").read_text(encoding="utf-8")


def test_shown_python_gives_the_shown_values() -> None:
    test = doctest.DocTestParser().get_doctest(DOCS, {}, "spaces", "spaces.md", 0)
    assert len(test.examples) >= 5
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_shown_space_is_one_and_its_holes_are_called_as_the_text_says(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(shown)
    space = load_space(str(tmp_path / "mine.yaml"))
    names = [hole.name for hole in space.holes]
    assert {"width", "stages.1.pool", "stages.1.pool.choose.2.stride"} <= set(names)
    assert space.points == 7 * 2 * 4 * (1 + 1 + 2)


def test_the_limits_are_those_that_the_text_names() -> None:
    text = " ".join(DOCS.split())
    assert f"{MAX_HOLES} holes, {MAX_OPTIONS:,} options in one and {MAX_VALUES:,} in all".replace(",", " ") in (
        text.replace(",", " ")
    )
    assert f"{MAX_VALUES:_} values, {MAX_NESTING} deep".replace("_", " ") in text
    assert f"with more than {MAX_RANGE_CHECKED} numbers" in text
