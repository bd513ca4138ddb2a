"""Text in columns: the same on a terminal, in a pipe and in a file."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def columns(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = (), total: bool = False
) -> str:
    """A table with a rule below the header, and with ``total`` one above its last row.

    ``right`` are the indices of the columns that are set flush right: numbers, so that their digits line up.
    """
    lines = [header, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(header))]
    rule = "  ".join("─" * width for width in widths).rstrip()

    def line(cells: Sequence[str]) -> str:
        justified = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(justified).rstrip()

    shown = [line(header), rule, *map(line, rows)]
    if total:
        shown.insert(-1, rule)
    return "\n".join(shown)
