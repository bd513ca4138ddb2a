"""Everything that a search leaves: its files, its study, and what its finalists turned out to be."""

from __future__ import annotations

from hiera_compiler.diagnostics import SpecError
from hiera_search.accuracy import Proxy
from hiera_search.explore.finalists import Say, measured, score_finalists
from hiera_search.explore.request import FILE
from hiera_search.explore.search import Search
from hiera_search.explore.study import keep, open_ledger
from hiera_search.report import make_folder, write_result
from hiera_search.report.form import Front


def leave(search: Search, front: Front, say: Say) -> Front:
    """Write everything that a search leaves, measure its finalists where that was asked for, and give the front.

    Figures and front are written before anything is measured, and the front again after it. Raises SpecError where
    the folder or the storage cannot be used: a folder is then as it was, and a database that is away keeps nothing
    from being written. Raises KeyboardInterrupt where measuring was stopped, after what was measured is written.
    """
    make_folder(search.folder)
    try:
        ledger = open_ledger(search)
    except SpecError:
        if search.request.storage is not None:
            _write(search, front)
        raise
    with ledger:
        front = _write(search, front)
        search.remember()
        keep(search, ledger, front)
        search.warnings.extend(ledger.storage.warnings)
        if isinstance(search.estimator, Proxy):
            score_finalists(search, ledger, front, say)
        if not search.request.measure or not front.front:
            return front
        front, is_stopped = measured(search, ledger, front, say)
        front = _write(search, front)
    if is_stopped:
        raise KeyboardInterrupt
    return front


def _write(search: Search, front: Front) -> Front:
    return write_result(search.folder, front, search.request.top, beside={FILE: search.request.text()})
