"""A result as one HTML file that needs nothing else: no network, no fonts, and only the script that is in it."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from hiera_search.report import figures
from hiera_search.report.form import Candidate, Front
from hiera_search.report.plot import DENSE, plot
from hiera_search.report.shown import KINDS, listed, near_enough
from hiera_search.report.spec_file import spec_yaml

if TYPE_CHECKING:
    from jinja2 import Template

WIDE = (1040.0, 460.0)
NARROW = (400.0, 400.0)
"""The page holds the drawing in two sizes, since a scaled one has text that nobody can read."""

TIERS = {
    "A": "this software was measured on this device, with models of this family",
    "B": "this software was measured on this device, with other models, or in another number format",
    "C": "never measured: from the data sheet, with constants of other devices",
}
"""What the tier of a profile stands for."""


def render(front: Front) -> str:
    """The page. Everything that a user named is escaped, and no script runs but ours."""
    shown = listed(front)
    drawn = near_enough(front, shown)
    wide, narrow = plot(front, drawn, *WIDE), plot(front, drawn, *NARROW)
    script = _text("page.js")
    return _template().render(
        front=front,
        goal=front.objective,
        listed=shown,
        plots=[("wide", wide), ("narrow", narrow)],
        beyond=[one.candidate.name for one in shown if one not in drawn],
        kinds={one.kind: KINDS[one.kind] for one in shown},
        refused=_refused(front),
        tier=TIERS.get(front.regime.tier, ""),
        extrapolated=sum(one.extrapolated for one in front.front),
        has_bands=any(one.accuracy_low != one.accuracy_high for one in front.front),
        has_measured=any(mark.measured is not None for mark in wide.marks),
        measured_elsewhere=any(
            (found := one.candidate.measured) is not None and not found.as_predicted for one in shown
        ),
        style=_text("page.css"),
        script=script,
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        figures=figures,
        yaml=spec_yaml,
        memory=_memory,
        dense=DENSE,
    )


def _refused(front: Front) -> list[tuple[str, str, int, float]]:
    """The rules that refused, most first: code, title, count, and share of the candidates that were looked at."""
    rules = front.space.refused
    looked = front.space.lawful + sum(rule.count for rule in rules.values())
    rows = [(name, rule.title, rule.count, rule.count / max(1, looked)) for name, rule in rules.items()]
    return sorted(rows, key=lambda row: -row[2])


def _memory(one: Candidate) -> str:
    return f"{one.memory_bytes / 1e6:.0f} MB" if one.memory_bytes < 1e9 else f"{one.memory_bytes / 1e9:.2f} GB"


def _text(name: str) -> str:
    return (files("hiera_search.report") / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    # Imported here: only a page needs it.
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_text("page.html"))
