"""The parameters and the cost that the Hiera paper reports, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).parent / "evidence" / "paper_cost.yaml"


@dataclass(frozen=True)
class Rest:
    """What a table's figures hold beside the model: parameters, and the least and the most multiply-accumulates."""

    params: int = 0
    macs: tuple[int, int] = (0, 0)
    about: str = ""


NOTHING = Rest()


@dataclass(frozen=True)
class PublishedRow:
    """A model of a table: billions of multiply-accumulates and millions of parameters, as rounded in the paper.

    Multiply-accumulates are rounded to a multiple of `step` billions. `note` says why ours are not the paper's, or why
    there are none; empty where they should be.
    """

    model: str
    settings: tuple[str, ...]
    gmacs: int
    mparams: int
    note: str = ""
    step: int = 1
    rest: Rest = NOTHING

    def errors(self, params: int, macs: int) -> tuple[int, int]:
        """By how much counts, rounded as in the paper, exceed the row's: millions, and billions; zero where equal.

        Where the table is of more than the model, that is added first.
        """
        least, most = (self.step * _rounded(macs + more, self.step * 10**9) for more in self.rest.macs)
        of_macs = max(least - self.gmacs, 0) + min(most - self.gmacs, 0)
        return _rounded(params + self.rest.params, 10**6) - self.mparams, of_macs


@dataclass(frozen=True)
class PublishedTable:
    """A table of the paper; `rest` is what its figures hold beside the models."""

    number: int
    title: str
    rows: tuple[PublishedRow, ...]
    rest: Rest


def cost_tables() -> tuple[PublishedTable, ...]:
    """The paper's tables that state cost: 2, 4, 6, 7, 8 and 10."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tables = yaml.load(_FILE.read_text(encoding="utf-8"), loader)
    return tuple(_table(int(name.removeprefix("table_")), table) for name, table in tables.items())


def _table(number: int, table: dict[str, Any]) -> PublishedTable:
    rest, step = NOTHING, table.get("step", 1)
    if "rest" in table:
        least, most = (10**9 * gmacs for gmacs in table["rest"]["gmacs"])
        rest = Rest(table["rest"]["params"], (least, most), table["rest"]["about"])
    rows = tuple(
        PublishedRow(
            row["model"], tuple(row.get("set", ())), row["gmacs"], row["mparams"], row.get("note", ""), step, rest
        )
        for row in table["rows"]
    )
    return PublishedTable(number, table["title"], rows, rest)


def _rounded(count: int, unit: int) -> int:
    """A count in units, half of one rounded up, as people round."""
    return (2 * count + unit) // (2 * unit)
