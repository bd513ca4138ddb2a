"""A winner as an ordinary spec file, with where it comes from in a comment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import StringIO
from math import inf
from textwrap import wrap
from typing import Any

import yaml

from hiera_compiler.diagnostics.cells import printable
from hiera_search.report import figures
from hiera_search.report.form import Candidate, Front

MARK = "# Found by `hiera search`: "
"""How each of these files begins, by which a later search knows what it may replace."""

_WIDTH = 118


def spec_text(one: Candidate, front: Front) -> str:
    """The file: a comment, then the spec in the style of those that ship."""
    head = [MARK + printable(one.name), "#"]
    for label, text in _provenance(one, front):
        # No text of a name or a command may end the comment that it stands in.
        lines = wrap(printable(text), _WIDTH - 14, break_on_hyphens=False)
        head += [f"# {title:<10}  {line}" for title, line in zip([label] + [""] * len(lines), lines, strict=False)]
    return "\n".join(head) + "\n" + spec_yaml(one.spec)


def spec_yaml(spec: Mapping[str, Any]) -> str:
    """A spec's plain data as people write it: a line for each key, and one for each stage."""
    text = StringIO()
    # By hand would be shorter, but only the library knows what to quote.
    dumper = _Dumper(text, default_flow_style=True, width=inf, allow_unicode=True, sort_keys=False)
    root = dumper.represent_dict(spec)
    root.flow_style = not root.value
    for key, value in root.value:
        if key.value == "stages" and isinstance(value, yaml.SequenceNode) and value.value:
            value.flow_style = False
    dumper.open()
    dumper.serialize(root)
    dumper.close()
    return text.getvalue()


class _Dumper(yaml.SafeDumper):
    """Indents the items of a list below its key, and writes what is shared at each place."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _provenance(one: Candidate, front: Front) -> Iterator[tuple[str, str]]:
    goal = front.objective
    file = "" if front.space.file == front.space.name else f" ({front.space.file})"
    yield "space", f"{front.space.name}{file}: {figures.points(front.space)}"
    if one.choice:
        yield "choices", ", ".join(f"{hole}={figures.option(value)}" for hole, value in one.choice.items())
    if front.regime.task == "mae":
        yield "task", "mae: figures are of the masked autoencoder's forward pass, which `hiera build --task mae` builds"
    yield "budgets", "; ".join(figures.budgets(front)) or "none"
    yield "regime", f"{figures.regime(front)}; {front.regime.provenance}"
    between = figures.latency_interval(one)
    yield "latency", f"{figures.milliseconds(one.latency_ms)} ms predicted ({between} at 90 %)"
    if one.measured:
        other = "" if one.measured.as_predicted else ", another machine than the prediction's"
        yield "measured", f"{figures.milliseconds(one.measured.latency_ms)} ms on {one.measured.device}{other}"
    band = figures.score_interval(one, goal)
    shown = f"{figures.score(one.accuracy, goal)}{f' ({band})' if band else ''} {goal.unit}, rung {one.accuracy_rung}"
    yield "score", shown + (", extrapolated" if one.extrapolated else "")
    yield "band", f"{goal.band}; {front.note}"
    if one.nearest:
        yield "nearest", one.nearest.with_input
    yield "spec hash", one.hash
    yield "command", front.command
    yield "written", ", ".join([front.created, *(" ".join(version) for version in front.versions.items())])
