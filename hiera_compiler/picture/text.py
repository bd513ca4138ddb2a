"""The picture for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from hiera_compiler.ir import Graph
from hiera_compiler.picture.fold import Branch, Panel, Row, fold, input_shape
from hiera_compiler.picture.labels import Part, by

_ARROW = "     ↓ "
_SET_IN = " " * 4


def text(graph: Graph, width: float = inf) -> str:
    """The graph as boxes, one for the stem, each stage and the head; equal blocks are drawn once.

    ``+`` leads what is added to its own input, or onto what the next line says. Rows that are wider than ``width``
    columns go on in the next line.
    """
    panels = fold(graph)
    bodies = [list(_body(panel, width - 4)) for panel in panels]
    width = max(len(line) for body in bodies for line in body)
    lines = [f"{_ARROW}{by(input_shape(graph))} pixels"]
    for panel, body in zip(panels, bodies, strict=True):
        lines.append(f"┌─ {panel.name} ".ljust(width + 3, "─") + "┐")
        lines += [f"│ {line.ljust(width)} │" for line in body]
        lines.append("└".ljust(width + 3, "─") + "┘")
        lines.append(_ARROW + ", ".join(map(by, panel.outputs)))
    return "\n".join(lines)


def _body(panel: Panel, room: float) -> Iterator[str]:
    """The lines of a panel's rows, with their counts before them; rows that repeat together have a bracket."""
    repeats = {repeat.start: repeat for repeat in panel.repeats}
    counts = [f"×{row.count}" if panel.cost.blocks else "" for row in panel.rows]
    margin = max(map(len, (*counts, *(f"×{repeat.count}" for repeat in panel.repeats))))
    room -= margin + 1 if margin else 0
    index = 0
    while index < len(panel.rows):
        repeat = repeats.get(index)
        stop = repeat.stop if repeat else index + 1
        if repeat is None:
            lines, count = _block(panel.rows[index], room), counts[index]
        else:
            lines, count = _bracketed(panel.rows[index:stop], room), f"×{repeat.count}"
        for number, line in enumerate(lines):
            lead = count if number == 0 else ""
            yield (f"{lead.ljust(margin)} {line}" if margin else line)
        index = stop


def _bracketed(rows: Sequence[Row], room: float) -> list[str]:
    counted = any(row.count > 1 for row in rows)
    lines = [
        (f"×{row.count} " if number == 0 else "   ") * counted + line
        for row in rows
        for number, line in enumerate(_block(row, room - (5 if counted else 2)))
    ]
    return [f"{'┌' if at == 0 else '└' if at == len(lines) - 1 else '│'} {line}" for at, line in enumerate(lines)]


def _block(row: Row, room: float) -> list[str]:
    return [line for branch in row.branches for line in _lines(branch, room)]


def _lines(branch: Branch, room: float) -> Iterator[str]:
    if not branch.adds:
        yield from _chain("", (*branch.first, *branch.body), room)
        return
    yield from _chain("+ ", (*branch.first, *branch.body), room)
    if branch.skip:
        # Where the input itself is not what the branch is added to.
        yield from _chain("  onto ", (*branch.first, *branch.skip), room)


def _chain(lead: str, parts: Sequence[Part], room: float) -> Iterator[str]:
    """Boxes in a row, and in further ones, set in, where they do not fit."""
    line = lead + (str(parts[0]) if parts else "nothing")
    for part in map(str, parts[1:]):
        if len(line) + len(part) + 5 > room:  # an arrow before it, and one that may follow at the line's end
            yield f"{line} →"
            line = f"{_SET_IN}{part}"
        else:
            line += f" → {part}"
    yield line
