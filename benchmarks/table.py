"""Tables in Markdown, each under the regime that its figures were measured in: a speed without it says nothing."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def regime(packages: Sequence[str], **conditions: object) -> str:
    """The lines above a table: date, processor, versions, and what else was held fixed."""
    lines = {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "versions": ", ".join([f"Python {platform.python_version()}", *map(_version, packages)]),
        **{name.replace("_", " "): value for name, value in conditions.items()},
    }
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())


def processor() -> str:
    """The CPU's architecture, logical cores and, where Linux tells them, the instructions that decide the speed."""
    import os

    flags: list[str] = []
    info = Path("/proc/cpuinfo")
    if info.exists():
        listed = next((line for line in info.read_text().splitlines() if line.startswith("flags")), "").split()
        wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
        flags = [f"{name}: {'yes' if name in listed else 'no'}" for name in wanted]
    return f"{platform.machine()}, {os.cpu_count()} logical cores" + (f" ({', '.join(flags)})" if flags else "")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, and the others are figures."""
    cells = [list(columns), *(list(row) for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    rule = [("-" * width if index == 0 else "-" * (width - 1) + ":") for index, width in enumerate(widths)]
    return "\n".join(_line(row, widths) for row in [cells[0], rule, *cells[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} (not installed)"
