"""What a rung of the ladder is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from hiera_search.accuracy.scores import Features, Floats, Scores

if TYPE_CHECKING:
    from hiera_search.accuracy.rows import Rows


class Estimator(ABC):
    """Scores candidates; higher is better.

    One file in `rungs/` is one rung: a class that says its name, its unit, what a reader must know, and whether its
    scores are accuracies. `note` becomes the first line of every output.
    """

    rung: ClassVar[str]
    takes_rows: ClassVar[bool] = False
    needs_rows: ClassVar[bool] = False
    unit: str
    note: str
    is_accuracy: bool = False

    @classmethod
    @abstractmethod
    def of(cls, rows: Rows | None) -> Estimator:
        """The estimator, made from the user's rows where it takes any; a lower rung where they do not carry it.

        Raises SpecError for rows that it cannot use.
        """

    @abstractmethod
    def score(self, features: Features) -> Scores:
        """The scores of candidates, from what is known of them without a module."""

    @property
    def of_capacity(self) -> bool:
        """Whether scores look at depths, channels and the input's side alone."""
        return False

    @property
    def scored_by(self) -> str:
        """The rung that the figures of `score` are from: this one, but for a rung that needs a module to judge."""
        return self.rung

    def rank(self, rows: Rows) -> Floats:
        """The scores of rows, each as if the estimator had not seen it."""
        return self.score(rows.features).value
