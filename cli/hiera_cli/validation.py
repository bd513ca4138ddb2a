"""`hiera search --validate-accuracy ROWS.csv`: how well the estimators rank what the user has trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hiera_search.accuracy import Validation

LEGEND = (
    "tau: Kendall's, with the middle 90 % over resampled rows; rho: Spearman's; gain: tau less that of capacity, the\n"
    "free baseline, over the same resampled rows; an estimator beats it where the whole interval is above 0.\n"
    "equal MACs: the share of pairs within 10 % of MACs that are ranked rightly, where 0.5 is a coin's."
)


def show_validation(rows: Path, names: Sequence[str] = (), as_json: bool = False) -> None:
    """Print the rank correlations of these estimators, or of all, with the rows of a CSV file.

    Raises SpecError for an unknown estimator, and for rows that cannot be used.
    """
    from hiera_cli.progress import Progress
    from hiera_search.accuracy import estimators, read_rows, validate

    read = read_rows(rows)
    found = estimators(names, read)
    with Progress() as progress:
        validated = validate(found, read, progress=progress)
    # A rung may have stepped down to the baseline: its note says why.
    notes = [one.note for one in found if one.rung == "capacity"][-1:] + [one.note for one in found if one.is_accuracy]
    if as_json:
        from hiera_cli.output import print_json

        estimated = [asdict(one) | {"beats_baseline": one.beats_baseline} for one in validated]
        print_json({"rows": str(rows), "estimators": estimated, "notes": notes})
        return
    typer.echo("\n\n".join([table(validated), LEGEND, "\n".join(notes)]).rstrip())


def table(validated: Sequence[Validation]) -> str:
    """One row for each estimator, the baseline first."""
    from hiera_cli.columns import columns

    header = ["estimator", "rows", "tau", "90 %", "rho", "gain", "90 %", "beats it", "equal MACs", "pairs"]
    return columns(header, list(map(_cells, validated)), right={1, 2, 4, 5, 8, 9})


def _cells(one: Validation) -> list[str]:
    share = "–" if one.concordance is None else f"{one.concordance:.2f}"
    is_baseline = one.rung == "capacity"
    gain = ["", "", ""] if is_baseline else [f"{one.gain:+.2f}", _interval(one.gain_low, one.gain_high)]
    beats = [] if is_baseline else ["yes" if one.beats_baseline else "no"]
    tau = [f"{one.tau:.2f}", _interval(one.tau_low, one.tau_high)]
    return [one.rung, str(one.rows), *tau, f"{one.rho:.2f}", *gain, *beats, share, str(one.pairs)]


def _interval(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}"
