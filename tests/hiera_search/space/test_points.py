"""Counting, filling and looking up agree with going through every choice of random spaces."""

import json
from contextlib import suppress
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiera_compiler.diagnostics import SpecError
from hiera_search.space import ABSENT, Refused, Space, load_space

MOST = 3000
PATHS: list[tuple[str | int, ...]] = [
    (),
    ("stages",),
    *(("stages", index, key) for index in range(4) for key in ("depth", "pool", "heads")),
    ("stages", 1),
    ("stages", 1, "pool", "stride"),
    ("stages", 3),
    ("head", "classes"),
]


@st.composite
def spaces(draw: st.DrawFn) -> dict[str, Any]:
    """A spec with holes in it: choices in choices, ties, cases, and names that tie to names."""
    let: dict[str, Any] = {}
    values: dict[str, list[int]] = {}
    for name in ("a", "b", "c")[: draw(st.integers(1, 3))]:
        if draw(st.booleans()):
            values[name] = sorted(draw(st.sets(st.integers(1, 4), min_size=1, max_size=3)))
            let[name] = {"choose": values[name]}
        else:
            let[name] = draw(numbers(list(let), values))
    stages = [
        {
            "depth": draw(numbers(list(let), values)),
            "channels": 96,
            "heads": draw(numbers(list(let), values)),
            "attention": "global",
            "pool": draw(pools(list(let), values)),
        }
        for _ in range(draw(st.integers(1, 4)))
    ]
    more: Any = {"choose": [stages, [*stages, {**stages[0], "heads": 7}]]} if draw(st.booleans()) else stages
    used = {"head": {"classes": {"choose": [{"tie": name} for name in let]}}}
    return {"extends": "hiera_b", "name": "random", "let": let, "stages": more, **used}


def numbers(names: list[str], values: dict[str, list[int]], depth: int = 2) -> st.SearchStrategy[Any]:
    inner = numbers(names, values, depth - 1) if depth else st.integers(1, 4)
    options = st.lists(inner, min_size=1, max_size=3, unique_by=json.dumps).map(lambda some: {"choose": some})
    kinds = [st.integers(1, 4), options, st.just({"range": [1, 3]}), st.just({"range": [2, 6, 2]})]
    if names:
        ties = st.sampled_from(names).map(lambda name: {"tie": name})
        doubled = st.sampled_from(names).map(lambda name: {"tie": name, "times": 2})
        halved = st.sampled_from(names).map(lambda name: {"tie": name, "over": 2})
        kinds += [ties, doubled, halved]
    if values:
        kinds.append(st.sampled_from(list(values)).flatmap(lambda name: cases(name, values[name], inner)))
    return st.one_of(kinds)


def cases(name: str, values: list[int], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(dict.fromkeys(values, inner)).map(lambda some: {"tie": name, "cases": some})


def pools(names: list[str], values: dict[str, list[int]]) -> st.SearchStrategy[Any]:
    stride = numbers(names, values, 1)
    return st.sampled_from(["none", "max"]) | stride.map(
        lambda one: {"choose": ["none", {"kind": "max", "stride": one}]}
    )


def read(data: dict[str, Any]) -> Space | None:
    space, codes = None, set[str]()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "x.yaml"
        file.write_text(yaml.safe_dump(data))
        try:
            space = load_space(str(file))
        except SpecError as error:
            codes = {problem.code for problem in error.diagnostics}
    # A half that is never whole, or a hole in cases that follow several holes.
    assert codes <= {"H103", "H614", "H618"}
    if space is None:
        return None
    return space if np.prod([float(size) for size in space.digits()]) <= MOST else None


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        if not inside:
            return ABSENT
        data = data[part]
    return data


def looked_up(space: Space, path: tuple[str | int, ...], choice: Any) -> Any:
    try:
        return space.value(path, choice)
    except Refused as refused:
        return refused.code


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(spaces())
def test_points_are_the_distinct_choices(data: dict[str, Any]) -> None:
    space = read(data)
    if space is None:
        return
    every = np.array(list(product(*map(range, space.digits()))), dtype=np.int32).reshape(-1, len(space.holes))
    canonical = space.canonical(every)
    assert len(np.unique(canonical, axis=0)) == space.points
    assert (space.canonical(canonical) == canonical).all()


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(spaces(), st.randoms(use_true_random=False))
def test_a_choice_fills_the_same_whatever_its_holes_that_do_not_exist_say(data: dict[str, Any], random: Any) -> None:
    space = read(data)
    if space is None:
        return
    choices = np.array([[random.randrange(size) for size in space.digits()] for _ in range(20)], dtype=np.int32)
    for choice, canonical in zip(choices, space.canonical(choices), strict=True):
        assert looked_up(space, (), choice) == looked_up(space, (), canonical)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(spaces(), st.randoms(use_true_random=False))
def test_a_place_is_decided_by_the_holes_below_it_alone(data: dict[str, Any], random: Any) -> None:
    space = read(data)
    if space is None:
        return
    for path in PATHS:
        below = space.below(path)
        for _ in range(5):
            choice = [random.randrange(size) for size in space.digits()]
            # A mapping of the positions below is all that is asked for: another position is a KeyError.
            found = looked_up(space, path, {position: choice[position] for position in below})
            with suppress(Refused):
                assert found == at(space.fill(choice).data, path)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(spaces())
def test_every_option_changes_some_point(data: dict[str, Any]) -> None:
    """A hole below a place matters to it, or its options would be counted in vain."""
    space = read(data)
    if space is None or not space.holes:
        return
    assert space.below(()) == tuple(range(len(space.holes)))
