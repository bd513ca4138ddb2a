"""The parameters and the cost that the Hiera paper reports, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

_FILE = Path(__file__).parent / "evidence" / "paper_cost.yaml"


@dataclass(frozen=True)
class PublishedRow:
    """A model of a table: billions of multiply-accumulates and millions of parameters, as rounded in the paper.

    `note` says why ours are not the paper's, or why there are none; empty where they should be.
    """

    model: str
    settings: tuple[str, ...]
    gmacs: int
    mparams: int
    note: str = ""

    def errors(self, params: int, macs: int) -> tuple[int, int]:
        """By how much counts, rounded as in the paper, exceed the row's: millions, and billions; zero where equal."""
        return _rounded(params, 10**6) - self.mparams, _rounded(macs, 10**9) - self.gmacs


@dataclass(frozen=True)
class PublishedTable:
    """A table of the paper."""

    number: int
    title: str
    rows: tuple[PublishedRow, ...]


def cost_tables() -> tuple[PublishedTable, ...]:
    """The paper's tables that state cost: 2, 4, 6 and 8."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tables = yaml.load(_FILE.read_text(encoding="utf-8"), loader)
    return tuple(
        PublishedTable(int(name.removeprefix("table_")), table["title"], tuple(map(_row, table["rows"])))
        for name, table in tables.items()
    )


def _row(row: dict[str, object]) -> PublishedRow:
    settings = row.get("set", [])
    assert isinstance(settings, list)
    figures = int(str(row["gmacs"])), int(str(row["mparams"]))
    return PublishedRow(str(row["model"]), tuple(settings), *figures, note=str(row.get("note", "")))


def _rounded(count: int, unit: int) -> int:
    """A count in units, half of one rounded up, as people round."""
    return (2 * count + unit) // (2 * unit)
