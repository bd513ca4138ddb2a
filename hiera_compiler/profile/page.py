"""A profile as one HTML file that needs nothing else: no network, no scripts, no fonts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from hiera_compiler.profile import charts, roofline_chart
from hiera_compiler.profile.count import Work
from hiera_compiler.profile.events import Pass
from hiera_compiler.profile.opkind import OVERHEAD
from hiera_compiler.profile.record import Conditions
from hiera_compiler.profile.roofline import Ceilings, points
from hiera_compiler.profile.timing import quantile

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True)
class Profile:
    """What a page shows of one model at one batch; ``predicted`` are milliseconds of a pass by stage."""

    name: str
    batch: int
    conditions: Conditions
    passes: Sequence[Pass]
    work: Mapping[str, Work]
    """The work of one pass of the whole batch by kind of operator, as run eagerly."""
    limits: Ceilings
    predicted: Mapping[str, float] | None = None
    predicted_for: str = ""
    """The device and regime of the prediction."""
    trace: str | None = None
    """The name of the trace file that the page was made from."""

    @property
    def typical(self) -> Pass:
        """The pass of median length."""
        return sorted(self.passes, key=lambda one: one.ms)[len(self.passes) // 2]


@dataclass(frozen=True)
class KindRow:
    """One row of the table of kinds; rates are in giga-operations and gigabytes a second."""

    kind: str
    calls: int
    ms: float
    share: float
    rate: float | None
    bandwidth: float | None
    of_ceiling: float | None


def render(profile: Profile) -> str:
    """The page. Everything that a user named is escaped."""
    one = profile.typical
    by_kind = _milliseconds(one, "kind")
    compiled = profile.conditions.regime == "compiled"
    # What is fused is counted in no time but that of the fused kernels: products alone are still all there.
    work = {kind: done for kind, done in profile.work.items() if done.flops or not compiled}
    found = points(work, {kind: ms / 1e3 for kind, ms in by_kind.items()}, profile.limits)
    rows = _kind_rows(one, by_kind, {point.kind: point for point in found})
    stages = charts.stages(one, profile.predicted)
    kinds = [row.kind for row in rows]
    lengths = [each.ms for each in profile.passes]
    return _template().render(
        profile=profile,
        one=one,
        fastest=min(lengths),
        slowest=max(lengths),
        median=quantile(lengths, 0.5),
        flops=sum(work.flops for work in profile.work.values()),
        overhead=by_kind.get(OVERHEAD, 0.0) / one.ms,
        rows=rows,
        kinds=kinds,
        colours=charts.COLOURS,
        stages=stages,
        timeline=charts.timeline(one),
        roofline=roofline_chart.chart(found, profile.limits, by_kind),
        compiled=compiled,
    )


def _milliseconds(one: Pass, key: str) -> dict[str, float]:
    """The time of a pass by stage or by kind, longest first."""
    totals: dict[str, float] = defaultdict(float)
    for event in one.events:
        totals[getattr(event, key)] += event.ms
    return dict(sorted(totals.items(), key=lambda total: -total[1]))


def _kind_rows(one: Pass, by_kind: Mapping[str, float], found: Mapping[str, Any]) -> list[KindRow]:
    calls = Counter(event.kind for event in one.events if event.drawn)
    rows = []
    for kind, ms in by_kind.items():
        point = found.get(kind)
        rows.append(
            KindRow(
                kind=kind,
                calls=calls[kind],
                ms=ms,
                share=ms / one.ms,
                rate=point.rate / 1e9 if point and point.is_product else None,
                bandwidth=point.bandwidth / 1e9 if point else None,
                of_ceiling=point.rate / point.ceiling if point else None,
            )
        )
    return rows


@cache
def _template() -> Template:
    # Imported here: only a page needs it.
    from jinja2 import Environment, StrictUndefined

    text = (files("hiera_compiler.profile") / "page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["time"] = charts.milliseconds
    return environment.from_string(text)
