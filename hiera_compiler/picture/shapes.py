"""Boxes, arrows and text as SVG elements."""

from __future__ import annotations

from html import escape

from hiera_compiler.picture.labels import Part

INK = "#0f172a"
MUTED = "#64748b"
LINE = "#94a3b8"
BOX_HEIGHT = 36

_FONT = "ui-sans-serif, system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_COLOURS = {  # fill, border, text
    "linear": ("#dbeafe", "#60a5fa", "#1e3a8a"),
    "attend in units": ("#ede9fe", "#a78bfa", "#4c1d95"),
    "attend globally": ("#7c3aed", "#6d28d9", "#ffffff"),
    "pool": ("#dcfce7", "#4ade80", "#14532d"),
    "norm": ("#f1f5f9", "#cbd5e1", "#334155"),
    "pointwise": ("#fef3c7", "#fbbf24", "#78350f"),
    "table": ("#ccfbf1", "#2dd4bf", "#134e4a"),
    "order": ("#f1f5f9", "#94a3b8", "#334155"),
    "other": ("#ffe4e6", "#fb7185", "#881337"),
}


def box_width(part: Part) -> float:
    """How wide a box is drawn; letters are taken as wide as they are in wide fonts."""
    return max(44.0, 16 + max(7.2 * len(part.word), 6.3 * len(part.detail)))


class Canvas:
    """SVG elements, collected in the order in which they are painted. Coordinates are pixels."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._elements: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 12,
        fill: str = INK,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Words with their baseline at ``y``."""
        weight = ' font-weight="600"' if bold else ""
        self._elements.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}" text-anchor="{anchor}"{weight}>'
            f"{escape(words)}</text>"
        )

    def rectangle(
        self, x: float, y: float, width: float, height: float, fill: str, stroke: str = "none", radius: float = 6
    ) -> None:
        """A rectangle with round corners."""
        self._elements.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" '
            f'fill="{fill}" stroke="{stroke}"/>'
        )

    def box(self, x: float, y: float, part: Part) -> float:
        """A part, its left edge at ``x`` and its middle at ``y``; its width is returned."""
        fill, stroke, ink = _COLOURS.get(part.family, _COLOURS["other"])
        width = box_width(part)
        middle = x + width / 2
        self.rectangle(x, y - BOX_HEIGHT / 2, width, BOX_HEIGHT, fill, stroke)
        self.text(middle, y - 2 if part.detail else y + 4, part.word, size=12, fill=ink, anchor="middle", bold=True)
        if part.detail:
            self.text(middle, y + 11, part.detail, size=10.5, fill=ink, anchor="middle")
        return width

    def path(self, description: str, arrow: bool = False) -> None:
        """A line along an SVG path, with an arrow head at its end if asked for."""
        head = ' marker-end="url(#arrow)"' if arrow else ""
        self._elements.append(f'<path d="{description}" fill="none" stroke="{LINE}" stroke-width="1.5"{head}/>')

    def arrow(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """A straight arrow."""
        self.path(f"M{x:g} {y:g}L{to_x:g} {to_y:g}", arrow=True)

    def dot(self, x: float, y: float) -> None:
        """Where a path forks."""
        self._elements.append(f'<circle cx="{x:g}" cy="{y:g}" r="3" fill="{MUTED}"/>')

    def plus(self, x: float, y: float, radius: float) -> None:
        """Where two paths are added."""
        self._elements.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="#ffffff" stroke="{LINE}" stroke-width="1.5"/>'
            f'<path d="M{x - 4:g} {y:g}H{x + 4:g}M{x:g} {y - 4:g}V{y + 4:g}" stroke="{INK}" stroke-width="1.5"/>'
        )

    def svg(self, width: float, height: float) -> str:
        """The file. The background is opaque: it reads the same on white and in dark viewers."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" role="img" font-family="{_FONT}">'
        )
        marker = (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
            f'orient="auto"><path d="M0 0.5L7.5 4L0 7.5z" fill="{LINE}"/></marker></defs>'
        )
        background = f'<rect width="{width:g}" height="{height:g}" rx="12" fill="#ffffff"/>'
        title = f"<title>{escape(self._title)}</title>"
        return "\n".join([head, title, marker, background, *self._elements, "</svg>"]) + "\n"
