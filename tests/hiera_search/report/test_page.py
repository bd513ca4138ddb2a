import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from hiera_search.report import Front, render
from hiera_search.report.axis import axis, labels
from hiera_search.report.form import Objective
from hiera_search.report.plot import plot
from hiera_search.report.shown import listed, near_enough
from tests.support import fronts

HOSTILE = "</script></style><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Elements(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def hostile() -> Front:
    """A result with a hostile text wherever there is a text."""
    found = fronts.front(fronts.TOP1, shapes=((64, 6), (96, 6)))
    one = fronts.measured(found.front[0])
    assert one.nearest is not None
    assert one.measured is not None
    one = one.model_copy(
        update={
            "name": HOSTILE,
            "spec": {"name": HOSTILE, HOSTILE: [HOSTILE]},
            "choice": {HOSTILE: HOSTILE},
            "stages": tuple(stage.model_copy(update={"name": HOSTILE, "pool": HOSTILE}) for stage in one.stages),
            "resources": {HOSTILE: 1.0},
            "nearest": one.nearest.model_copy(update={"text": HOSTILE, "input": HOSTILE}),
            "measured": one.measured.model_copy(update={"device": HOSTILE}),
        }
    )
    space = found.space.model_copy(update={"name": HOSTILE, "file": HOSTILE})
    changes = {"title": HOSTILE, "note": HOSTILE, "command": HOSTILE, "versions": {HOSTILE: HOSTILE}, "space": space}
    return found.model_copy(update=changes | {"front": (one,), "budgets": {HOSTILE: 1.0, "latency_ms": 3.0}})


@pytest.mark.parametrize("front", [fronts.front(), fronts.front(fronts.TOP1), fronts.nothing_fits(), hostile()])
def test_the_page_needs_nothing_else_and_runs_one_script(front: Front) -> None:
    elements = Elements(render(front))
    names = {name for name, _ in elements.found}
    assert not names & {"link", "img", "iframe", "object", "form", "base", "use", "image"}
    assert len(elements.of("script")) == 1
    assert not [attributes for _, attributes in elements.found if any(key.startswith("on") for key in attributes)]
    references = [attributes[key] for _, attributes in elements.found for key in ("href", "src") if key in attributes]
    assert all(re.fullmatch(r"#candidate-\d+", str(reference)) for reference in references)
    (policy,) = [meta["content"] for meta in elements.of("meta") if meta.get("http-equiv")]
    assert str(policy).startswith("default-src 'none'; ")
    assert "url(" not in render(front)


def test_every_text_is_shown_as_it_is() -> None:
    page = render(hostile())
    assert "<img" not in page
    assert Elements(page).text.count(HOSTILE) >= 15


@pytest.mark.parametrize(("objective", "warned"), [(fronts.SIZE, True), (fronts.TOP1, False)])
def test_a_size_score_is_called_one_before_anything_is_drawn(objective: Objective, warned: bool) -> None:
    page = render(fronts.front(objective, shapes=((64, 6), (96, 6))))
    head = page[: page.index("<svg")]
    assert ("Scores here are no accuracies." in head) is warned


def test_what_nobody_can_meet_is_said_with_what_comes_nearest() -> None:
    text = " ".join(Elements(render(fronts.nothing_fits())).text.split())
    for told in ("most is at most 0.1 ms a batch", "it alone refuses 100 %", "Nearest to the budget comes hiera_b_aro"):
        assert told in text
    assert "at its safe side, which is exceeded with a probability of 0.1" in text


def test_the_drawing_says_why_candidates_left_of_the_budget_are_not_on_the_front() -> None:
    assert "ms a batch; the time of each is over it with a probability of 0.1 at most." in render(fronts.front())


def test_an_empty_result_is_a_page_too() -> None:
    page = render(fronts.front(shapes=(), published=(), cloud=(), budgets={}))
    assert not Elements(page).of("article")


def test_refusals_are_shares_of_what_was_looked_at() -> None:
    text = " ".join(Elements(render(fronts.front(shapes=((64, 6),)))).text.split())
    assert "H201 Heads do not divide the channels of their stage. 312,004 25.3 %" in text


def test_each_candidate_has_a_mark_in_both_sizes_and_its_details() -> None:
    front = fronts.front(fronts.TOP1)
    elements = Elements(render(front))
    everyone = len(front.front) + len(front.ties) + len(front.published)
    assert len(elements.of("article")) == everyone
    links = [str(link["href"]) for link in elements.of("a") if "aria-label" in link]
    assert sorted(links) == sorted(2 * [f"#candidate-{number}" for number in range(1, everyone + 1)])


def test_published_models_far_from_all_others_are_named_and_not_drawn() -> None:
    front = fronts.front(shapes=((64, 6),), budgets={})
    shown = listed(front)
    drawn = near_enough(front, shown)
    assert {one.candidate.name for one in shown if one not in drawn} == {"hiera_l"}
    assert "Outside the drawing, and in the table below: hiera_l." in render(front)


@pytest.mark.parametrize("width", [1040.0, 400.0])
@pytest.mark.parametrize("front", [fronts.front(), fronts.front(fronts.TOP1), fronts.nothing_fits()])
def test_everything_is_drawn_inside_the_frame_and_no_names_overlap(front: Front, width: float) -> None:
    drawn = plot(front, listed(front), width, 420.0)
    for mark in drawn.marks:
        assert drawn.left <= mark.x_low <= mark.x <= mark.x_high <= drawn.right
        assert drawn.top <= mark.y_high <= mark.y <= mark.y_low <= drawn.bottom
    boxes = [label.rectangle for label in drawn.labels]
    assert {label.text for label in drawn.labels} >= set(fronts.PUBLISHED)
    assert all(box.left >= 0 and box.right <= width for box in boxes)
    assert not any(a.overlap(b) for index, a in enumerate(boxes) for b in boxes[:index])


def test_a_budget_of_time_and_one_of_throughput_are_where_they_are_met() -> None:
    front = fronts.front(budgets={"latency_ms": 2.0, "min_throughput": 500.0, "min_accuracy": 5000.0, "gmacs": 9.0})
    time, rate, score = plot(front, listed(front), 1040.0, 460.0).lines
    assert time.upright
    assert rate.at == time.at
    assert not score.upright


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1.0, 9.0), ["1", "2", "3", "5", "10"]),
        ((80.0, 85.0), ["80", "81", "82", "83", "84", "85"]),
        ((3000.0, 30000.0), ["3,000", "5,000", "10,000", "20,000", "30,000"]),
        ((2.0, 2.0), ["1.8", "1.9", "2", "2.1", "2.2"]),
        ((0.0, 0.0), ["-1", "-0.5", "0", "0.5", "1"]),
    ],
)
def test_ticks_are_round_and_few(values: tuple[float, float], expected: list[str]) -> None:
    on = axis(values, 0.0, 100.0)
    ticks = on.ticks(6)
    assert labels(ticks) == expected
    places = [on.at(tick) for tick in ticks]
    assert all(a < b for a, b in pairwise(places))
    assert all(-1e-9 <= place <= 100 + 1e-9 for place in places)


def test_a_time_of_another_machine_is_not_set_against_the_prediction() -> None:
    found = fronts.front(shapes=((64, 6), (96, 6)))
    one = fronts.measured(found.front[0])
    assert one.measured is not None
    here = render(found.model_copy(update={"front": (one, *found.front[1:])}))
    assert "% of the prediction" in here
    assert 'class="measured"' in here
    elsewhere = one.model_copy(update={"measured": one.measured.model_copy(update={"as_predicted": False})})
    page = render(found.model_copy(update={"front": (elsewhere, *found.front[1:])}))
    assert "another machine than the a100-40gb of the prediction" in page
    assert "% of the prediction" not in page
    assert 'class="measured"' not in page


def test_a_front_against_another_cost_is_no_edge_over_latency() -> None:
    found = fronts.front()
    assert 'class="stairs"' in render(found)
    other = found.model_copy(update={"objective": found.objective.model_copy(update={"against": "params"})})
    assert 'class="stairs"' not in render(other)
    assert "The front is of score against <b>parameters</b>" in render(other)


def test_long_names_of_one_space_are_told_apart_in_table_and_drawing() -> None:
    found = fronts.front()
    several = [one.model_copy(update={"name": f"{'n' * 60}_{number}"}) for number, one in enumerate(found.front[:2])]
    page = render(found.model_copy(update={"front": tuple(several)}))
    assert "n…" in page
    for number in range(2):
        assert f"n_{number}</a>" in page
    assert re.search("n…n+_0</text>", page)
