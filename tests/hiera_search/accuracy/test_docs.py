from pathlib import Path

from benchmarks.accuracy import report

PAGE = Path(__file__).parents[3] / "docs" / "accuracy.md"


def test_page_holds_the_figures_that_the_benchmark_prints() -> None:
    assert report() in PAGE.read_text(encoding="utf-8")
