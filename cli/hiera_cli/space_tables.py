"""What a space holds, for people."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill, wrap
from typing import TYPE_CHECKING

from hiera_cli.columns import columns
from hiera_cli.front_table import room

if TYPE_CHECKING:
    from hiera_search.explore import Search
    from hiera_search.explore.survey import Survey

_COSTS = {
    "params": ("params M", 1e6),
    "macs": ("GMACs", 1e9),
    "flops": ("GFLOPs", 1e9),
    "memory": ("memory MB", 1e6),
    "latency_ms": ("ms a batch", 1.0),
}
"""What a cost is called, and in which unit it is shown."""

_RULE = 30
"""Letters of a rule in one line, however narrow the terminal is."""


def space_tables(search: Search, found: Survey) -> str:
    """The regime, the points, what refuses them, what they cost, and what fits the budgets."""
    from hiera_search.explore.outcome import title

    width = room()
    parts = [fill(title(search), width), fill(_points(search, found), width)]
    if found.refused:
        parts.append(_refused(found, width))
    if found.costs:
        parts.append(_costs(search, found))
        parts.append("\n".join(fill(line, width, break_on_hyphens=False) for line in _legend(search)))
    parts += [fill(line, width, break_on_hyphens=False) for line in _fitting(search, found)]
    return "\n\n".join(parts)


def _points(search: Search, found: Survey) -> str:
    from hiera_search.report.figures import count

    space = search.space
    points = f"{count(space.points)} point{'s' if space.points != 1 else ''}"
    size = f"{space.name}: {points} of {len(space.holes)} hole{'s' if len(space.holes) != 1 else ''}"
    share = _share(found.lawful, found.seen)
    if found.exact:
        return f"{size}; {count(found.lawful)} of them, {share}, are lawful" if space.points > 1 else size
    drawn = f"of {count(found.seen)} points drawn at random (seed {search.request.seed})"
    return f"{size}; {drawn}, {share} are lawful"


def _refused(found: Survey, width: int) -> str:
    """The rules that refuse, most first, each told in as many lines as ``width`` asks for."""
    from hiera_compiler.diagnostics.codes import codes

    titles, header = codes(), ["refused by", "share", "rule"]
    left = width - len("refused by  100.0 %  ")
    rows = []
    for code, count in sorted(found.refused.items(), key=lambda item: -item[1]):
        first, *others = wrap(titles[code].removesuffix("."), max(left, _RULE))
        rows += [[code, _share(count, found.seen), first], *(["", "", line] for line in others)]
    return columns(header, rows, right={1})


def _costs(search: Search, found: Survey) -> str:
    rows = []
    for name, (title, unit) in _COSTS.items():
        spread = found.costs[name]
        rows.append([title, *(_figure(value / unit) for value in (spread.least, spread.median, spread.most))])
    score = found.costs["score"]
    rows.append([f"score ({search.estimator.rung})", *map(_figure, (score.least, score.median, score.most))])
    return columns(["of lawful points", "least", "median", "most"], rows, right={1, 2, 3})


def _legend(search: Search) -> Iterator[str]:
    yield "memory: weights and peak activations of a batch; params, GMACs and GFLOPs: of one sample."
    yield f"score: {search.estimator.unit}; {search.estimator.note}."


def _fitting(search: Search, found: Survey) -> Iterator[str]:
    """Whether the budgets can be met, and which of them refuses how much."""
    from hiera_search.report.figures import OF_TIME, limit
    from hiera_search.report.form import Objective

    given = search.request.budgets.given()
    if not given or not found.lawful:
        return
    estimator = search.estimator
    goal = Objective(
        maximise="score", rung=estimator.rung, unit=estimator.unit, is_accuracy=estimator.is_accuracy, band=""
    )
    words = {name: limit(name, value, goal) for name, value in given.items()}
    risk = f" (risk {search.request.risk:g} that the time is exceeded)" if given.keys() & OF_TIME else ""
    budget = " and ".join(words.values()) + risk
    if found.fitting:
        yield f"{budget}: {_share(found.fitting, found.lawful)} of the lawful points fit"
    elif found.exact:
        yield f"{budget}: no point fits"
    else:
        # The rule of three: none of n fits, so that with 95 % confidence fewer than 3/n do.
        yield f"{budget}: none of the {found.lawful} lawful points drawn fits; fewer than {_share(3, found.lawful)} do"
    if len(given) > 1 or not found.fitting:
        alone = (f"{words[name]} alone refuses {_share(count, found.lawful)}" for name, count in found.over.items())
        yield "; ".join(alone)


def _share(part: int, whole: int) -> str:
    if not whole:
        return "none"
    share = 100 * part / whole
    return f"{share:.1f} %" if share >= 0.1 or not part else f"{share:.2g} %"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:#.4g}".rstrip(".")
