"""The front of the lattice from MViTv2-L to Hiera-L as one SVG: predicted speed beside measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.lattice import Point, Row, fronts, trained
from hiera_compiler.estimate.predict import Prediction

WIDTH, HEIGHT = 760, 500
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 72, 64
INK, MUTED, GRID, PREDICTED, MEASURED = "#0f172a", "#64748b", "#e2e8f0", "#6366f1", "#94a3b8"
FONT = "ui-sans-serif, system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"


def svg(found: Sequence[Point], unit: str) -> str:
    """The rows of Table 1 by speed and top-1; the other points, whose top-1 nobody knows, are ticks at the bottom."""
    scale = _Scale(found)
    elements = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="{FONT}">',
        f"<title>{escape('Top-1 by speed of the path from MViTv2-L to Hiera-L, predicted and measured')}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="#ffffff"/>',
        *_legend(),
        *_axes(scale, unit),
        *_ticks(scale, found),
        *_stairs(scale, found),
        *_marks(scale, trained(found)),
        "</svg>",
    ]
    return "\n".join(elements) + "\n"


class _Scale:
    """Pixels of speeds and of per cents."""

    def __init__(self, found: Sequence[Point]) -> None:
        rows = trained(found)
        speeds = [speed for row, at in rows for speed in (row.measured, at.high)]
        self.step = next(step for step in (5, 10, 20, 50, 100, 200) if max(speeds) / step <= 8)
        self.right = self.step * (int(max(speeds) / self.step) + 1)
        self.low = int(min(row.top1 for row, _ in rows)) - 0.0
        self.high = int(max(row.top1 for row, _ in rows)) + 1.0

    def x(self, speed: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * speed / self.right

    def y(self, top1: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (top1 - self.low) / (self.high - self.low)


def _text(x: float, y: float, words: str, anchor: str = "middle", fill: str = MUTED) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{fill}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(points: Sequence[tuple[float, float]], colour: str, width: float = 1.5, dash: str = "") -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}/>'


def _dot(x: float, y: float, colour: str, filled: bool, name: str = "") -> str:
    inside, ink = (colour, "#ffffff") if filled else ("#ffffff", INK)
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{inside}" stroke="{colour}" stroke-width="2"/>'
    return circle + (_text(x, y + 4, name, fill=ink) if name else "")


def _legend() -> Iterator[str]:
    yield _dot(LEFT + 8, 28, MEASURED, False)
    yield _text(LEFT + 22, 32, "measured by the paper", "start")
    yield _dot(LEFT + 188, 28, PREDICTED, True)
    yield _text(LEFT + 202, 32, "predicted, with its 90 % interval", "start")
    yield _line([(LEFT + 426, 22), (LEFT + 426, 34)], PREDICTED, 1.5)
    yield _text(LEFT + 434, 32, "predicted, top-1 unknown", "start")


def _axes(scale: _Scale, unit: str) -> Iterator[str]:
    for tenths in range(int(2 * scale.low), int(2 * scale.high) + 1):
        y = scale.y(tenths / 2)
        yield _line([(LEFT, y), (WIDTH - RIGHT, y)], GRID, 1)
        yield _text(LEFT - 8, y + 4, f"{tenths / 2:.1f}", "end")
    for speed in range(0, scale.right + 1, scale.step):
        yield _text(scale.x(speed), HEIGHT - BOTTOM + 20, str(speed))
    where = f"{unit} on an A100 40 GB, released code, PyTorch 1.12"
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 44, where)
    yield _text(LEFT - 44, TOP - 18, "top-1 %", "start")


def _ticks(scale: _Scale, found: Sequence[Point]) -> Iterator[str]:
    bottom = HEIGHT - BOTTOM
    for point in found:
        if point.row is None:
            x = scale.x(point.predicted.throughput)
            yield _line([(x, bottom), (x, bottom - 8)], PREDICTED, 1.5)


def _stairs(scale: _Scale, found: Sequence[Point]) -> Iterator[str]:
    """The two fronts: what is at least this good and this fast."""
    rows = trained(found)
    speeds = [{row.name: row.measured for row, _ in rows}, {row.name: at.throughput for row, at in rows}]
    for front, speed, colour in zip(fronts(rows), speeds, (MEASURED, PREDICTED), strict=True):
        places = [(scale.x(speed[row.name]), scale.y(row.top1)) for row in front]
        corners = [(places[0][0], scale.y(scale.low))]
        for x, y in places:
            corners += [(x, corners[-1][1]), (x, y)]
        yield _line([*corners, (LEFT, corners[-1][1])], colour, 1.5, "5 4")


def _marks(scale: _Scale, rows: Sequence[tuple[Row, Prediction]]) -> Iterator[str]:
    for row, at in rows:
        y = scale.y(row.top1)
        yield _line([(scale.x(at.low), y), (scale.x(at.high), y)], PREDICTED, 2)
    for row, at in rows:
        name, y = row.name.partition("_")[0], scale.y(row.top1)
        yield _dot(scale.x(row.measured), y, MEASURED, False, name)
        yield _dot(scale.x(at.throughput), y, PREDICTED, True, name)
