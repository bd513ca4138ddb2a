"""The geometry of the front's drawing, in pixels of a drawing that is `width` wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hiera_search.report import figures
from hiera_search.report.axis import Axis, axis, labels
from hiera_search.report.form import Front
from hiera_search.report.limits import Line, limit_lines, time_limits
from hiera_search.report.placing import Label, Rectangle, place
from hiera_search.report.shown import KINDS, Listed

DENSE = 40
"""From more winners than this on, intervals are drawn of the one that is pointed at or chosen only."""


@dataclass(frozen=True)
class Tick:
    """A place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """A candidate's place, the ends of its intervals, and where it was measured."""

    listed: Listed
    x: float
    y: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    measured: float | None


@dataclass(frozen=True)
class Plot:
    """Everything that is drawn; `left` to `right` and `top` to `bottom` is the frame."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    ribbon: str
    stairs: str
    cloud: str
    marks: tuple[Mark, ...]
    labels: tuple[Label, ...]


def plot(front: Front, shown: Sequence[Listed], width: float, height: float) -> Plot:
    """The drawing of a result at a size; a narrow one has fewer ticks."""
    narrow = width < 600
    left, right, top, bottom = (46.0 if narrow else 70.0), width - 12, 46.0, height - 48
    x, y = _axes(front, shown, (left, right), (bottom, top))
    marks = tuple(_mark(one, x, y) for one in sorted(shown, key=lambda one: list(KINDS)[::-1].index(one.kind)))
    # A front against another cost is no edge over latency.
    edge = [mark for mark in marks if mark.listed.kind == "front" and front.objective.against == "latency"]
    steps = sorted(edge, key=lambda mark: (mark.x, -mark.y))
    lines = tuple(limit_lines(front, x, y))
    return Plot(
        *(width, height, left, right, top, bottom),
        x_ticks=_ticks(x, 5 if narrow else 11),
        y_ticks=_ticks(y, 6 if narrow else 8),
        lines=lines,
        ribbon=_ribbon(steps),
        stairs=_stairs([(mark.x, mark.y) for mark in steps]),
        cloud=_cloud(front, x, y),
        marks=marks,
        labels=tuple(_labels(front, marks, lines, Rectangle(left, top, right, bottom))),
    )


def _axes(
    front: Front, shown: Sequence[Listed], across: tuple[float, float], up: tuple[float, float]
) -> tuple[Axis, Axis]:
    """Axes that hold all marks with their intervals, and the limits; of the cloud what lies beside them."""
    ends = [one.candidate for one in shown]
    times = [time for one in ends for time in (one.latency_low, one.latency_ms, one.latency_high)] + time_limits(front)
    scores = [score for one in ends for score in (one.accuracy_low, one.accuracy, one.accuracy_high)]
    scores += [front.budgets["min_accuracy"]] if "min_accuracy" in front.budgets else []
    x = axis(times if ends else times + [point[0] for point in front.cloud], *across)
    beside = sorted(score for time, score in front.cloud if x.holds(time))
    # The worst of a space would press everything else to the top.
    scores += beside[len(beside) // 10 :] if ends else beside
    return x, axis(scores, *up)


def _mark(one: Listed, x: Axis, y: Axis) -> Mark:
    found = one.candidate
    # A time of another machine has no place on the axis of the prediction's.
    measured = found.measured.latency_ms if found.measured and found.measured.as_predicted else None
    return Mark(
        one,
        x=x.at(found.latency_ms),
        y=y.at(found.accuracy),
        x_low=x.at(found.latency_low),
        x_high=x.at(found.latency_high),
        y_low=y.at(found.accuracy_low),
        y_high=y.at(found.accuracy_high),
        measured=x.at(measured) if measured is not None and x.holds(measured) else None,
    )


def _ticks(on: Axis, most: int) -> tuple[Tick, ...]:
    found = on.ticks(most)
    return tuple(Tick(on.at(value), label) for value, label in zip(found, labels(found), strict=True))


def _stairs(points: Sequence[tuple[float, float]]) -> str:
    """What is reached at each cost: level up to the next point, then up."""
    if not points:
        return ""
    (x, y), *rest = points
    return f"M{x:.1f} {y:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in rest)


def _ribbon(steps: Sequence[Mark]) -> str:
    """The band of the scores along the front; nothing where scores have none."""
    if len(steps) < 2 or all(mark.y_low == mark.y_high for mark in steps):
        return ""
    back = "".join(f"V{mark.y_low:.1f}H{mark.x:.1f}" for mark in reversed(steps[:-1]))
    high = _stairs([(mark.x, mark.y_high) for mark in steps])
    low = f"V{steps[-1].y_low:.1f}" + back
    return f"{high}{low}Z"


def _cloud(front: Front, x: Axis, y: Axis) -> str:
    """All other candidates as one path of dots."""
    inside = [(time, score) for time, score in front.cloud if x.holds(time) and y.holds(score)]
    return "".join(f"M{x.at(time):.1f} {y.at(score):.1f}h0" for time, score in inside)


def _labels(front: Front, marks: Sequence[Mark], lines: Sequence[Line], frame: Rectangle) -> Iterator[Label]:
    """Names beside the marks that need one: the best, and what is published."""
    best = front.front[0] if front.front else None
    wanted = [mark for mark in marks if mark.listed.candidate is best or mark.listed.kind in ("published", "nearest")]
    wanted.sort(key=lambda mark: mark.listed.kind == "published")
    taken = [Rectangle(mark.x - 6, mark.y - 6, mark.x + 6, mark.y + 6) for mark in marks]
    if len(front.front) <= DENSE:
        lines_through = [mark for mark in marks if mark.listed.kind != "tie"]
        taken += [Rectangle(mark.x_low, mark.y - 0.5, mark.x_high, mark.y + 0.5) for mark in lines_through]
    taken += [Rectangle(x - 6, mark.y - 6, x + 6, mark.y + 6) for mark in marks if (x := mark.measured) is not None]
    taken += [Rectangle.of_text(line.label, line.label_x, line.label_y, line.anchor) for line in lines]
    for mark in wanted:
        name = figures.name(mark.listed.candidate.name, 24)
        label = place(name, mark.listed.kind, (mark.x, mark.y), taken, frame)
        taken.append(label.rectangle)
        yield label
