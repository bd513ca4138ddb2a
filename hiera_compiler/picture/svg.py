"""The picture as one self-contained SVG, on a background of its own."""

from __future__ import annotations

from collections.abc import Sequence

from hiera_compiler.ir import Graph
from hiera_compiler.picture.fold import Branch, Panel, Row, fold, input_shape
from hiera_compiler.picture.labels import Part, by
from hiera_compiler.picture.repeats import Repeat
from hiera_compiler.picture.shapes import BOX_HEIGHT, MUTED, Canvas, box_width

_MARGIN = 24
_PANEL_HEAD = 40
_PANEL_GAP = 26
_COUNT_WIDTH = 52
_BRACKET = 6
_STEP = 20
"""The length of the arrow between two boxes."""

_SUM = 8
"""The radius of a sum's circle."""

_FORK = 10
"""From the end of a chain to where the way around it leaves."""


def svg(graph: Graph) -> str:
    """The graph as panels, one for the stem, each stage and the head; equal blocks are one row with their number."""
    panels = fold(graph)
    inner = max(map(_panel_width, panels))
    width = max(640, inner + 2 * _MARGIN)
    canvas = Canvas(f"input {by(input_shape(graph))}, {len(panels)} panels from stem to head")
    total = sum(panel.cost.macs for panel in panels)
    y = _MARGIN + 10.0
    canvas.text(width / 2, y, f"input {by(input_shape(graph))}", size=12, fill=MUTED, anchor="middle")
    y += 6
    for panel in panels:
        canvas.arrow(width / 2, y, width / 2, y + _PANEL_GAP - 1)
        y = _panel(canvas, panel, y + _PANEL_GAP, width, total)
        canvas.text(width / 2 + 10, y + 17, ", ".join(map(by, panel.outputs)), size=11, fill=MUTED)
    canvas.arrow(width / 2, y, width / 2, y + _PANEL_GAP - 1)
    return canvas.svg(width, y + _PANEL_GAP + _MARGIN / 2)


def _panel(canvas: Canvas, panel: Panel, y: float, width: float, total: int) -> float:
    """Draw a panel below ``y``, and give the height at which it ends."""
    left, right = _MARGIN, width - _MARGIN
    height = _PANEL_HEAD + sum(map(_row_height, panel.rows)) + 8
    canvas.rectangle(left, y, right - left, height, "#f8fafc", "#e2e8f0", radius=10)
    canvas.text(left + 16, y + 25, panel.name, size=14, bold=True)
    canvas.text(left + 30 + 8.5 * len(panel.name), y + 25, _subtitle(panel), size=12, fill=MUTED)
    share = panel.cost.macs / total if total else 0.0
    figures = f"{panel.cost.params / 1e6:.2f} M params · {panel.cost.macs / 1e9:.3f} GMACs · {_percent(share)}"
    canvas.text(right - 16, y + 20, figures, size=12, fill=MUTED, anchor="end")
    canvas.rectangle(right - 176, y + 27, 160, 4, "#e2e8f0", radius=2)
    canvas.rectangle(right - 176, y + 27, max(2.0, 160 * share), 4, "#6366f1", radius=2)
    tops = [y + _PANEL_HEAD]
    for row, indent, counted in zip(panel.rows, *_columns(panel), strict=True):
        _row(canvas, row, left + indent, tops[-1], counted)
        tops.append(tops[-1] + _row_height(row))
    for repeat in panel.repeats:
        _bracket(canvas, repeat, left, tops[repeat.start], tops[repeat.stop])
    return y + height


def _columns(panel: Panel) -> tuple[list[float], list[bool]]:
    """How far each row is moved to the right, and whether its number is drawn: a bracket has a column of its own."""
    indents, counted = [0.0 for _ in panel.rows], [panel.cost.blocks > 0 for _ in panel.rows]
    for repeat in panel.repeats:
        inside = range(repeat.start, repeat.stop)
        show = any(panel.rows[index].count > 1 for index in inside)
        for index in inside:
            indents[index], counted[index] = _COUNT_WIDTH + _BRACKET, show
    return indents, counted


def _bracket(canvas: Canvas, repeat: Repeat, x: float, top: float, bottom: float) -> None:
    """How often rows repeat together, and a bracket before them."""
    canvas.text(x + 16, (top + bottom) / 2 + 6, f"×{repeat.count}", size=16, bold=True)
    edge = x + _COUNT_WIDTH
    canvas.path(f"M{edge + _BRACKET:g} {top + 6:g}H{edge:g}V{bottom - 6:g}H{edge + _BRACKET:g}")


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "<1%"


def _subtitle(panel: Panel) -> str:
    cost = panel.cost
    if not cost.blocks:
        return ""
    heads = f" · {cost.heads} head{'s' if cost.heads != 1 else ''}" if cost.heads is not None else ""
    blocks = f"{cost.blocks} block{'s' if cost.blocks > 1 else ''}"
    return f"{blocks} · {by(cost.grid or (cost.tokens,))} tokens · {cost.channels} channels{heads}"


def _row(canvas: Canvas, row: Row, x: float, y: float, counted: bool) -> None:
    """Equal blocks: their number, then their branches from left to right."""
    middle = y + _row_height(row) - BOX_HEIGHT / 2 - 8
    if counted:
        canvas.text(x + 16, middle + 6, f"×{row.count}", size=16, bold=True)
        x += _COUNT_WIDTH
    x += 16
    for branch in row.branches:
        x = _branch(canvas, branch, x, middle)
    canvas.arrow(x, middle, x + _STEP, middle)


def _branch(canvas: Canvas, branch: Branch, x: float, y: float) -> float:
    x = _chain(canvas, branch.first, x, y)
    if not branch.adds:
        return _chain(canvas, branch.body, x, y)
    fork = x + _FORK
    end = fork + _chain_width(branch.body) + _STEP + _SUM
    _skip(canvas, branch.skip, fork, end, y)
    canvas.path(f"M{x:g} {y:g}H{fork:g}")
    canvas.dot(fork, y)
    x = _chain(canvas, branch.body, fork, y)
    canvas.arrow(x, y, end - _SUM, y)
    canvas.plus(end, y, _SUM)
    return end + _SUM


def _skip(canvas: Canvas, parts: Sequence[Part], start: float, end: float, y: float) -> None:
    """The way around a branch, above it."""
    top = y - (BOX_HEIGHT + 14 if parts else BOX_HEIGHT / 2 + 10)
    up = f"M{start:g} {y:g}V{top + 6:g}Q{start:g} {top:g} {start + 6:g} {top:g}"
    down = f"H{end - 6:g}Q{end:g} {top:g} {end:g} {top + 6:g}V{y - _SUM:g}"
    canvas.path(up + down, arrow=True)
    x = (start + end - _chain_width(parts)) / 2
    for part in parts:
        x += _STEP
        x += canvas.box(x, top, part)


def _chain(canvas: Canvas, parts: Sequence[Part], x: float, y: float) -> float:
    for part in parts:
        canvas.arrow(x, y, x + _STEP, y)
        x += _STEP
        x += canvas.box(x, y, part)
    return x


def _chain_width(parts: Sequence[Part]) -> float:
    return sum(_STEP + box_width(part) for part in parts)


def _panel_width(panel: Panel) -> float:
    rows = zip(panel.rows, *_columns(panel), strict=True)
    return max(
        16 + indent + counted * _COUNT_WIDTH + sum(map(_branch_width, row.branches)) + _STEP + 16
        for row, indent, counted in rows
    )


def _branch_width(branch: Branch) -> float:
    adds = _FORK + _STEP + 2 * _SUM if branch.adds else 0
    return _chain_width((*branch.first, *branch.body)) + adds


def _row_height(row: Row) -> float:
    """Boxes, and above them the way around: higher where there are boxes on it too."""
    if any(branch.skip for branch in row.branches):
        return 2 * BOX_HEIGHT + 14 + 16
    above = 14 if any(branch.adds for branch in row.branches) else 0
    return BOX_HEIGHT + above + 16
