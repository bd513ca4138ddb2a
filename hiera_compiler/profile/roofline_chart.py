"""The roofline as a chart: operations a second over operations for each byte, both on logarithmic axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from hiera_compiler.profile.charts import COLOURS, WIDTH, Tick
from hiera_compiler.profile.roofline import Ceilings, Point

HEIGHT, BOTTOM, LEFT, RIGHT, TOP = 420.0, 40.0, 64.0, 30.0, 16.0


@dataclass(frozen=True)
class Mark:
    """One kind of operator in the roofline; its area is its share of the time."""

    x: float
    y: float
    radius: float
    colour: str
    kind: str
    title: str
    hollow: bool
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True)
class Roofline:
    """The roof as a path, its labels, axes and marks."""

    roof: str
    ridge: float
    top: float
    height: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class _Axes:
    """Logarithmic axes, from exponents to pixels."""

    low_x: float
    high_x: float
    low_y: float
    high_y: float

    def x(self, intensity: float) -> float:
        return LEFT + (log10(intensity) - self.low_x) / (self.high_x - self.low_x) * (WIDTH - LEFT - RIGHT)

    def y(self, rate: float) -> float:
        share = (log10(rate) - self.low_y) / (self.high_y - self.low_y)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def chart(points: Sequence[Point], limits: Ceilings, by_kind: Mapping[str, float]) -> Roofline:
    """The drawing; ``by_kind`` are the times that give the marks their areas."""
    axes = _axes(points, limits)
    ridge = limits.flops / limits.bandwidth
    # The slope begins where it enters the drawing.
    begin = max(10**axes.low_x, 10**axes.low_y / limits.bandwidth)
    roof = (
        f"M{axes.x(begin):.1f},{axes.y(begin * limits.bandwidth):.1f} "
        f"L{axes.x(ridge):.1f},{axes.y(limits.flops):.1f} H{WIDTH - RIGHT}"
    )
    total = sum(by_kind.values()) or 1.0
    marks: list[Mark] = []
    for point in points:
        marks.append(_mark(point, axes, by_kind.get(point.kind, 0.0) / total, marks))
    xs, ys = range(int(axes.low_x), floor(axes.high_x) + 1), range(int(axes.low_y), floor(axes.high_y) + 1)
    return Roofline(
        roof=roof,
        ridge=axes.x(ridge),
        top=axes.y(limits.flops),
        height=HEIGHT,
        x_ticks=tuple(Tick(axes.x(10.0**power), _power(power)) for power in xs),
        y_ticks=tuple(Tick(axes.y(10.0**power), _rate(power)) for power in ys),
        marks=tuple(marks),
    )


def _axes(points: Sequence[Point], limits: Ceilings) -> _Axes:
    ridge = log10(limits.flops / limits.bandwidth)
    return _Axes(
        low_x=floor(min([-1.0, *(log10(point.intensity) for point in points)])),
        high_x=max([ridge + 1.0, *(log10(point.intensity) + 0.2 for point in points)]),
        low_y=floor(min([log10(limits.flops) - 3, *(log10(point.rate) - 0.3 for point in points)])),
        high_y=max([log10(limits.flops), *(log10(point.rate) for point in points)]) + 0.35,
    )


def _mark(point: Point, axes: _Axes, share: float, others: Sequence[Mark]) -> Mark:
    radius = 5 + 22 * share**0.5
    x, y = axes.x(point.intensity), axes.y(point.rate)
    flip = x > WIDTH - 190
    title = (
        f"{point.kind}: {point.rate / 1e9:.3g} G/s at {point.intensity:.2g} operations a byte, "
        f"{point.rate / point.ceiling:.0%} of what the roofline allows"
    )
    return Mark(
        x=x,
        y=y,
        radius=radius,
        colour=COLOURS[point.kind],
        kind=point.kind,
        title=title,
        hollow=not point.is_product,
        label_x=x + (-radius - 6 if flip else radius + 6),
        label_y=_free(y, x, others),
        anchor="end" if flip else "start",
    )


def _free(y: float, x: float, marks: Sequence[Mark]) -> float:
    """A height for a label that no earlier label near it has."""
    taken = [mark.label_y for mark in marks if abs(mark.x - x) < 130]
    while any(abs(y - other) < 15 for other in taken):
        y += 15
    return y


def _power(power: int) -> str:
    return f"{10.0**power:g}" if -3 < power < 4 else f"1e{power}"


def _rate(power: int) -> str:
    for unit, name in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if power >= unit:
            return f"{10 ** (power - unit)} {name}"
    return _power(power)
