"""The texts for people: what they link to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXTS = [
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "benchmarks", ROOT / "benchmarks" / "results")
    for path in sorted(folder.glob("*.md"))
]


def links(text: str) -> list[str]:
    """The files that a text links to; code is no text, and a place inside a file is left out."""
    prose = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    found = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]
    return [link.partition("#")[0] for link in found if not link.startswith("#")]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_linked_file_exists(path: Path) -> None:
    assert [link for link in links(path.read_text(encoding="utf-8")) if not (path.parent / link).exists()] == []


def test_links_are_found() -> None:
    assert links("[a](b.md) [c](https://d.e) [f](#g) [h](i.md#j) `[k](l.md)`") == ["b.md", "i.md"]
    assert sum(len(links(path.read_text(encoding="utf-8"))) for path in TEXTS) > 20
