"""The data of a diagnostic: texts, places in them, labels."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Text:
    """One text as read: a file, or a setting from the command line.

    `name` is what the user typed. An empty `content` stands for a file that could not be read.
    """

    name: str
    content: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their line breaks; line 1 is `lines[0]`."""
        return _LINE_BREAK.split(self.content)


@dataclass(frozen=True)
class Span:
    """A place in a text: 1-based lines and columns in characters, the end column exclusive."""

    text: Text
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Label:
    """A place and what is there."""

    span: Span
    message: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One finding; `labels[0]` is its primary place.

    `message` is a lower-case fact with the numbers in it, `help` what to do, with values that would pass.
    """

    code: str
    message: str
    labels: tuple[Label, ...] = ()
    help: str | None = None
    notes: tuple[str, ...] = ()
    severity: Literal["error", "warning"] = "error"

    @property
    def span(self) -> Span | None:
        """The primary place, or None for a finding that has none."""
        return self.labels[0].span if self.labels else None
