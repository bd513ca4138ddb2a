import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from hiera_compiler.profile.charts import COLOURS, WIDTH, stages, timeline
from hiera_compiler.profile.count import Work
from hiera_compiler.profile.events import Event, Pass, Span
from hiera_compiler.profile.opkind import FUSED, KINDS, OTHER, OVERHEAD
from hiera_compiler.profile.page import Profile, render
from hiera_compiler.profile.record import Conditions
from hiera_compiler.profile.roofline import Ceilings, points
from hiera_compiler.profile.roofline_chart import chart

LIMITS = Ceilings(flops=1e12, bandwidth=1e11)
WORK = {"linear": Work(2, flops=2_000_000_000, bytes=10_000_000), "norm": Work(1, scalars=5_000_000, bytes=8_000_000)}
ONE = Pass(
    10.0,
    (
        Event("stem", "", "aten::copy_", "copy", 0.0, 1.0),
        Event("stage 1", "blocks.0", "aten::addmm", "linear", 1.0, 4.0),
        Event("stage 2", "blocks.1", "aten::native_layer_norm", "norm", 5.0, 2.0),
        Event("between parts", "", "ProfilerStep#1", "framework", 0.0, 3.0, drawn=False),
    ),
    (Span("stage 1", "blocks.0", 1.0, 4.0), Span("stage 2", "blocks.1", 5.0, 2.0)),
)
AT = Conditions("Processor <&> 7", "float32", "eager", "explicit products", "2.13.0", 2, "2026-11-21T05:00:00+00:00")


def profile(name: str = "tiny", predicted: dict[str, float] | None = None) -> Profile:
    return Profile(name, 4, AT, (ONE,), WORK, LIMITS, predicted, "tiny.pt.trace.json")


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_else() -> None:
    html = render(profile())
    page = Page(html)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint({tag for tag, _ in page.tags})
    assert [name for _, attributes in page.tags for name in attributes if name in {"src", "href", "srcset"}] == []
    assert re.findall(r"https?:|url\(|@import", html) == []


def test_names_are_escaped() -> None:
    html = render(profile('<script>alert("x")</script>'))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "Processor &lt;&amp;&gt; 7" in html


def test_the_page_says_under_which_conditions_it_holds() -> None:
    text = Page(render(profile())).text
    for words in ("float32", "eager", "explicit products", "torch 2.13.0", "2 threads", "at batch 4", AT.date):
        assert words in text


def test_the_page_shows_stages_kinds_and_rates() -> None:
    text = " ".join(Page(render(profile())).text.split())
    assert "10 ms a pass at batch 4, traced 400 samples a second" in text
    assert "linear 4.000 40.0 % 1 500 2.5 50 %" in text  # 2 GFLOP in 4 ms, of 1 TFLOP/s
    assert "4 ms40.0 %" in text
    assert "predicted" not in text


def test_a_compiled_page_gives_rates_to_products_alone() -> None:
    compiled = replace(profile(), conditions=replace(AT, regime="compiled"))
    text = " ".join(Page(render(compiled)).text.split())
    assert "linear 4.000 40.0 % 1 500 2.5 50 %" in text
    assert "norm 2.000 20.0 % 1 – – –" in text  # some of its work is in fused kernels


def test_predictions_stand_beside_what_was_measured() -> None:
    assert "predicted 3.5 ms" in Page(render(profile(predicted={"stage 1": 3.5}))).text


def test_every_kind_has_a_colour() -> None:
    assert set(COLOURS) == {*KINDS, OTHER, FUSED, OVERHEAD}
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_bars_are_as_long_as_their_times() -> None:
    rows = {row.name: row for row in stages(ONE, None).rows}
    widths = {name: sum(box.width for box in row.boxes) for name, row in rows.items()}
    assert widths["stage 1"] == pytest.approx(2 * widths["stage 2"], rel=0.01)
    assert list(rows) == ["stem", "stage 1", "stage 2", "between parts"]


def test_the_timeline_places_operators_by_their_start() -> None:
    drawn = timeline(ONE)
    assert [box.x for box in drawn.operators] == pytest.approx([0, 0.1 * WIDTH, 0.5 * WIDTH])
    assert max(box.x + box.width for box in (*drawn.operators, *drawn.parts)) <= WIDTH
    assert [box.label for box in drawn.stages] == ["stage 1", "stage 2"]


def test_a_point_is_measured_against_the_lower_of_both_ceilings() -> None:
    found = {point.kind: point for point in points(WORK, {"linear": 0.004, "norm": 0.002, "copy": 0.001}, LIMITS)}
    assert set(found) == {"linear", "norm"}
    assert found["linear"].rate == pytest.approx(5e11)
    assert found["linear"].ceiling == LIMITS.flops
    assert found["norm"].ceiling == pytest.approx(0.625 * LIMITS.bandwidth)
    assert not found["norm"].is_product


def test_faster_and_denser_kinds_are_drawn_higher_and_further_right() -> None:
    drawn = chart(points(WORK, {"linear": 0.004, "norm": 0.002}, LIMITS), LIMITS, {"linear": 4.0, "norm": 2.0})
    linear, norm = (next(mark for mark in drawn.marks if mark.kind == kind) for kind in ("linear", "norm"))
    assert linear.y < norm.y
    assert linear.x > norm.x
    assert linear.radius > norm.radius
    assert norm.hollow
    assert not linear.hollow
    assert all(drawn.top <= mark.y <= drawn.height for mark in drawn.marks)
