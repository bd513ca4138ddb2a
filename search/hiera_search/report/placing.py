"""Where a name beside a mark covers nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LETTER = 7.0
"""The width of a letter in pixels, a little more than the mean of a font of 12.5 pixels."""


@dataclass(frozen=True)
class Rectangle:
    """A part of a drawing."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of_text(cls, text: str, x: float, y: float, anchor: str) -> Rectangle:
        """What a text covers whose base line is at ``y``."""
        width = _LETTER * len(text)
        left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
        return cls(left, y - 11, left + width, y + 4)

    def overlap(self, other: Rectangle) -> float:
        """The area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def outside(self, frame: Rectangle) -> float:
        """The area that is not in a frame."""
        return (self.right - self.left) * (self.bottom - self.top) - self.overlap(frame)


@dataclass(frozen=True)
class Label:
    """A name at its place."""

    text: str
    kind: str
    x: float
    y: float
    anchor: str

    @property
    def rectangle(self) -> Rectangle:
        return Rectangle.of_text(self.text, self.x, self.y, self.anchor)


def place(text: str, kind: str, mark: tuple[float, float], taken: Sequence[Rectangle], frame: Rectangle) -> Label:
    """The name beside its mark, where it covers least of what is there, and nothing outside the frame if it can."""
    x, y = mark
    choices = [
        Label(text, kind, x + dx, y + dy, anchor)
        for dx, dy, anchor in (
            (10, 4, "start"),
            (-10, 4, "end"),
            (8, 19, "start"),
            (-8, -11, "end"),
            (0, -13, "middle"),
            (0, 22, "middle"),
            (10, -14, "start"),
            (-10, 24, "end"),
        )
    ]

    def covered(label: Label) -> float:
        drawn = label.rectangle
        return 4 * drawn.outside(frame) + sum(drawn.overlap(other) for other in taken)

    return min(choices, key=covered)
