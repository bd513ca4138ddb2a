"""`hiera space`: what a space holds, before it is searched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hiera_cli import search_options as given
from hiera_cli.exits import NOTHING_FITS
from hiera_cli.options import AsJson, Settings

if TYPE_CHECKING:
    from hiera_search.explore import Search
    from hiera_search.explore.survey import Survey


def space(
    space: given.SpaceName = None,
    latency_ms: given.LatencyMs = None,
    gmacs: given.GMacs = None,
    mparams: given.MParams = None,
    memory_gb: given.MemoryGb = None,
    min_accuracy: given.MinAccuracy = None,
    min_throughput: given.MinThroughput = None,
    device: given.Device = None,
    batch: given.Batch = None,
    regime: given.Regime = None,
    accuracy: given.Accuracy = None,
    rows: given.Rows = None,
    risk: given.Risk = None,
    settings: Settings = None,
    task: given.Task = None,
    seed: given.Seed = None,
    candidates: given.Candidates = None,
    as_json: AsJson = False,
) -> None:
    """Say what a space holds, before it is searched.

    Shows how many points it has, which rules refuse how many of them, what the others cost, and how many fit a budget.
    Every point is priced where there are at most 10^7, else a sample. Exits with 3 where every point was priced and
    none fits the budgets.
    """
    from hiera_cli.counting import Counting
    from hiera_search.explore import Request, Search
    from hiera_search.explore.survey import survey

    search = Search(Request().changed(given.asked(locals())), Path())
    with Counting() as counting:
        found = survey(search, candidates, counting)
    if as_json:
        from hiera_cli.output import print_json

        print_json(_record(search, found))
    else:
        from hiera_cli.space_tables import space_tables

        typer.echo(space_tables(search, found))
    if found.exact and not found.fitting and search.request.budgets.given():
        raise typer.Exit(NOTHING_FITS)


def _record(search: Search, found: Survey) -> dict[str, Any]:
    from dataclasses import asdict

    from hiera_compiler.diagnostics.codes import codes

    titles, profile = codes(), search.profile
    facts = asdict(found)
    return {
        "space": {
            "name": search.space.name,
            "file": search.request.space,
            "points": search.space.points,
            "holes": {hole.name: list(hole.options) for hole in search.space.holes},
        },
        "regime": {
            "task": search.request.task,
            "device": profile.device.name,
            "regime": profile.regime.name,
            "dtype": profile.regime.dtype,
            "batch": search.request.batch,
            "tier": profile.tier,
            "risk": search.request.risk,
        },
        "score": {"rung": search.estimator.rung, "unit": search.estimator.unit, "note": search.estimator.note},
        "budgets": search.request.budgets.given(),
        **facts,
        "refused": {code: {"count": count, "title": titles[code]} for code, count in found.refused.items()},
    }
