"""The study of a search: where it is kept, and candidates as it holds them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hiera_search.ledger import Candidate as Row
from hiera_search.ledger import Ledger, open_study, record
from hiera_search.ledger.address import JOURNAL
from hiera_search.report import make_folder
from hiera_search.report.form import Candidate, Front

if TYPE_CHECKING:
    from hiera_search.explore.search import Search
    from hiera_search.ledger.trials import Regime


def check_study(search: Search) -> None:
    """Make the folder of a search; raise SpecError, before anything long starts, where its study could not be kept.

    A database is asked, and a folder that holds a study; in another folder no study is made yet.
    """
    make_folder(search.folder)
    if search.request.storage is not None or (search.folder / JOURNAL).exists():
        open_ledger(search).storage.close()


def open_ledger(search: Search) -> Ledger:
    """The study of a search: in its folder, or in the storage that was asked for. Raises SpecError."""
    request = search.request
    name = request.study or ("search" if request.storage is None else search.space.name)
    return open_study(
        request.storage or search.folder,
        name,
        space=search.space,
        sampler=request.sampler,
        seed=request.seed,
    )


def keep(search: Search, ledger: Ledger, front: Front) -> None:
    """Put the front and the published models into the study, as finished trials."""
    record(ledger, rows(search, (*front.front, *front.published)), _predicted(search))


def rows(search: Search, candidates: Iterable[Candidate]) -> list[Row]:
    """Candidates as the study has them; limits are those of the search."""
    budgets = search.request.budgets.given()
    limits = {name: value for name, value in budgets.items() if not name.startswith("min_")}
    floors = {name.removeprefix("min_"): value for name, value in budgets.items() if name.startswith("min_")}
    return [
        Row(
            name=one.name,
            spec=one.spec,
            hash=one.hash,
            score=one.accuracy,
            choice=search.choices.get(one.hash, {}),
            figures={
                "latency_ms": one.latency_ms,
                "gmacs": one.macs / 1e9,
                "mparams": one.params / 1e6,
                "memory_gb": one.memory_bytes / 1e9,
                "throughput": one.throughput,
                "accuracy": one.accuracy,
            },
            limits=limits,
            floors=floors,
        )
        for one in candidates
    ]


def task(search: Search) -> Regime:
    """What is timed, where that is not the model to classify."""
    return {} if search.request.task == "classify" else {"task": search.request.task}


def _predicted(search: Search) -> Regime:
    profile = search.profile
    return {
        **task(search),
        "device": profile.device.name,
        "regime": profile.regime.name,
        "dtype": profile.regime.dtype,
        "batch": search.request.batch,
    }
