"""The study that a search and its workers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from hiera_compiler.diagnostics import SpecError
from hiera_search.ledger import problems
from hiera_search.ledger.parameters import Parameters, parameters
from hiera_search.ledger.samplers import sampler_named
from hiera_search.ledger.storage import Storage, open_storage
from hiera_search.ledger.trials import Trial, trial_of

if TYPE_CHECKING:
    import optuna

    from hiera_search.space import Space

FORMAT = "hiera-ledger-1"
DEFAULT = "search"


@dataclass(frozen=True)
class Ledger:
    """An Optuna study whose trials are ours: every evaluation that was asked for, and what it found.

    Entered, it closes its connections to a database in the end.
    ``study`` is the same for Optuna, its samplers, plots and dashboard; its one objective, the score, is maximised.
    """

    study: optuna.Study
    storage: Storage
    parameters: Parameters = field(default_factory=dict)
    sampler: str = "tpe"
    seed: int = 0

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.study_name

    @property
    def optuna(self) -> optuna.storages.BaseStorage:
        """The study's storage, by the trials' ids; a database's, with what is finished kept in memory."""
        return self.study._storage

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.storage.close()

    def trials(self) -> list[Trial]:
        """Every trial as it is in the storage now."""
        found = map(trial_of, self.study.get_trials(deepcopy=False))
        return [trial for trial in found if trial is not None]

    def trial(self, trial_id: int) -> Trial | None:
        """One trial as it is in the storage now."""
        return trial_of(self.optuna.get_trial(trial_id))


def open_study(
    storage: str | Path,
    name: str = DEFAULT,
    *,
    create: bool = True,
    space: Space | Parameters | None = None,
    sampler: str = "tpe",
    seed: int = 0,
) -> Ledger:
    """The study of that name in a folder, a journal file or a ``postgresql://`` database.

    With ``create`` it is made where it is not there, for the space. Raises SpecError where the storage cannot be used,
    has no such study or one of another space or program, and for a sampler that is not there.
    """
    import optuna

    if not name or len(name) > 200 or not name.isprintable():
        raise SpecError(problems.bad_study_name(name))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler_named(sampler, seed)
    place = open_storage(storage, create)
    try:
        study, kept = _study(place, name, create, _parameters(space), seed)
    except BaseException:
        place.close()
        raise
    return Ledger(study, place, kept, sampler, seed)


def _study(
    place: Storage, name: str, create: bool, wanted: Parameters | None, seed: int
) -> tuple[optuna.Study, Parameters]:
    import optuna

    with place.exclusive("tables"):
        known = {study.study_name for study in place.optuna.get_all_studies()}
        if name not in known and not create:
            raise SpecError(problems.no_study(name, place.shown, known))
        if name not in known:
            place.optuna.create_new_study([optuna.study.StudyDirection.MAXIMIZE], name)
        # Others look through all trials whenever one is opened; `propose` has the one that was asked for.
        sampler = optuna.samplers.RandomSampler(seed)
        study = optuna.load_study(study_name=name, storage=place.optuna, sampler=sampler)
        return study, _kept(study, place, name not in known, wanted)


def _parameters(space: Space | Parameters | None) -> Parameters | None:
    return space if space is None or isinstance(space, Mapping) else parameters(space)


def _kept(study: optuna.Study, place: Storage, is_new: bool, wanted: Parameters | None) -> Parameters:
    """The parameters that the study has from its first search; a worker, which names no space, takes any."""
    attributes: dict[str, Any] = study.user_attrs
    if "format" not in attributes:
        # A search that was killed between the two has left a study without anything.
        if not is_new and study.get_trials(deepcopy=False):
            raise SpecError(problems.foreign_study(study.study_name, place.shown))
        study.set_user_attr("format", FORMAT)
        attributes = {}
    elif attributes["format"] != FORMAT or len(study.directions) != 1:
        raise SpecError(problems.foreign_study(study.study_name, place.shown))
    if wanted is None:
        return {name: tuple(labels) for name, labels in attributes.get("parameters", {}).items()}
    if "parameters" not in attributes:
        study.set_user_attr("parameters", {name: list(labels) for name, labels in wanted.items()})
        return wanted
    before = {name: tuple(labels) for name, labels in attributes["parameters"].items()}
    different = [name for name in {**before, **wanted} if before.get(name) != wanted.get(name)]
    if different:
        raise SpecError(problems.other_space(study.study_name, place.shown, different[0]))
    return wanted
