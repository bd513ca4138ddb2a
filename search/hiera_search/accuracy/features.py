"""What estimators see of a compiled spec."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hiera_compiler import Compilation
from hiera_search.accuracy.scores import Features
from hiera_search.table import capacity


def features(compilations: Sequence[Compilation]) -> Features:
    """The features of specs. Raises SpecError for one that cannot be lowered."""
    columns = [
        [one.cost.params for one in compilations],
        [one.cost.macs for one in compilations],
        [sum(stage.depth * capacity(stage) for stage in one.spec.stages) for one in compilations],
        [max(one.spec.input_shape[-2:]) for one in compilations],
    ]
    return Features(*(np.array(column, np.int64) for column in columns))
