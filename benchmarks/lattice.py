"""The lattice from MViTv2-L to Hiera-L: what is predicted of its points, and what the paper measured of seven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

import hiera_compiler as hc
from hiera_compiler.estimate.anchors import PAPER_BATCH
from hiera_compiler.estimate.evidence import paper
from hiera_compiler.estimate.paper_throughput import ABLATION, FOLDERS
from hiera_compiler.estimate.predict import Prediction, predict
from hiera_compiler.estimate.profiles import Profile
from hiera_search.explore.front import non_dominated
from hiera_search.space import load_space

SPACES = {"mvit_to_hiera": "table_17", "mvit_to_hiera_video": "table_16"}
"""The space of images and that of clips, and the table of the paper whose batch theirs is."""


@dataclass(frozen=True)
class Row:
    """What the paper says of a point: its row in Table 1, top-1 in per cent, and samples a second on an A100."""

    name: str
    top1: float
    measured: float


@dataclass(frozen=True)
class Point:
    """A lawful point of the lattice; the option of a hole that does not exist there is empty."""

    options: tuple[str, ...]
    macs: int
    predicted: Prediction
    row: Row | None


def points(space_name: str, profile: Profile) -> Iterator[Point]:
    """The lawful points of a space, each once."""
    space, rows = load_space(space_name), published(SPACES[space_name])
    every = np.array(list(product(*(range(count) for count in space.digits()))), np.int32)
    for choice in np.unique(space.canonical(every), axis=0):
        compilation = hc.Compilation(space.fill(choice.tolist()))
        try:
            graph = compilation.graph
        except hc.SpecError:
            continue
        exist = space.active(choice[None])[0]
        options = [str(hole.options[at]) if on else "" for hole, at, on in zip(space.holes, choice, exist, strict=True)]
        predicted = predict(graph, profile, PAPER_BATCH[SPACES[space_name]])
        yield Point(tuple(options), compilation.cost.macs, predicted, rows.get(compilation.spec.hash))


def published(source: str) -> dict[str, Row]:
    """The rows of Table 1 by the hash of their spec; `source` tells images from clips."""
    column = list(SPACES.values()).index(source)
    speeds, accuracies = paper()["table_1"], paper()["table_1_top1"]
    return {
        hc.compile(f"{FOLDERS[source]}/{spec}").spec.hash: Row(spec, accuracies[name][column], speeds[name][column])
        for name, spec in ABLATION.items()
    }


def lattice(space_name: str, profile: Profile) -> list[Point]:
    """The points of a space by falling speed."""
    return sorted(points(space_name, profile), key=lambda point: -point.predicted.throughput)


def trained(found: Sequence[Point]) -> list[tuple[Row, Prediction]]:
    """The points that the paper measured, in its order."""
    rows = [(point.row, point.predicted) for point in found if point.row is not None]
    return sorted(rows, key=lambda pair: pair[0].name)


def fronts(trained: Sequence[tuple[Row, Prediction]]) -> tuple[list[Row], list[Row]]:
    """The rows that no other beats in top-1 and speed: by the measured speed, and by the predicted."""
    score = np.array([row.top1 for row, _ in trained])
    measured = np.array([1 / row.measured for row, _ in trained])
    predicted = np.array([1 / prediction.throughput for _, prediction in trained])
    first, second = ([trained[at][0] for at in non_dominated(cost, score)] for cost in (measured, predicted))
    return first, second
