"""The holes of a space as the parameters of a study, so that samplers and importances speak of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from hiera_search.space import Space

Option = str | int | float
Parameters = Mapping[str, tuple[Option, ...]]
"""The options of each hole, as a text or a number each."""


def parameters(space: Space) -> Parameters:
    """The parameters of a space, one for each hole."""
    return {hole.name: options(hole.options) for hole in space.holes}


def options(values: Sequence[Any]) -> tuple[Option, ...]:
    """Different texts or numbers for the options of a hole: numbers and words as they are, other data as JSON."""
    for labels in (list(values), [_text(value) for value in values]):
        plain = all(isinstance(label, str | int | float) and not isinstance(label, bool) for label in labels)
        if plain and len(set(labels)) == len(labels):
            return tuple(labels)
    return tuple(f"{index}: {_text(value)}" for index, value in enumerate(values))


def distributions(known: Parameters) -> dict[str, BaseDistribution]:
    """The parameters as Optuna's distributions: each option is a category."""
    from optuna.distributions import CategoricalDistribution

    return {name: CategoricalDistribution(labels) for name, labels in known.items()}


def chosen(known: Parameters, choice: Mapping[str, int]) -> dict[str, Option]:
    """The parameters' values of a choice of options by index."""
    return {name: labels[choice[name]] for name, labels in known.items() if name in choice}


def indices(known: Parameters, values: Mapping[str, Any]) -> dict[str, int]:
    """The choice of options by index that parameters' values stand for."""
    return {name: labels.index(values[name]) for name, labels in known.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
