"""A survey counts what a search would meet."""

from pathlib import Path

import numpy as np
import pytest

from hiera_search.explore import Request, Search
from hiera_search.explore.survey import Spread, drawn, survey
from hiera_search.space import load_space

SPACE = """
extends: hiera_b
name: small
let: {width: {choose: [64, 96, 128]}, head: {choose: [32, 48]}}
stages:
  0: {depth: {range: [1, 3]}, channels: {tie: width}, heads: {tie: width, over: head}}
  1: {pool: {choose: [max, {kind: max, stride: {choose: [2, 3]}}]}}
"""


def searching(folder: Path, text: str = SPACE, **asked: object) -> Search:
    file = folder / "small.yaml"
    file.write_text(text)
    return Search(Request().changed({"space": str(file), **asked}), folder)


@pytest.fixture
def expected(tmp_path: Path) -> tuple[dict[str, int], list[int], list[float]]:
    """Refusals, parameters and times of every point, each compiled by itself."""
    from hiera_compiler.diagnostics import SpecError
    from hiera_compiler.estimate.predict import predict
    from hiera_compiler.pipeline import Compilation
    from hiera_search.explore.enumeration import all_choices
    from hiera_search.space import Refused

    search = searching(tmp_path)
    refused: dict[str, int] = {}
    params, times = [], []
    for choice in np.concatenate(list(all_choices(search.space))):
        try:
            compilation = Compilation(search.space.fill(choice))
            params.append(compilation.cost.params)
            times.append(predict(compilation.graph, search.profile, 1).latency_ms)
        except Refused as one:
            refused[one.code] = refused.get(one.code, 0) + 1
        except SpecError as error:
            refused[error.diagnostics[0].code] = refused.get(error.diagnostics[0].code, 0) + 1
    return refused, params, times


def test_every_point_is_counted_once_and_costs_are_the_compilers(
    tmp_path: Path, expected: tuple[dict[str, int], list[int], list[float]]
) -> None:
    refused, params, times = expected
    found = survey(searching(tmp_path))
    assert found.exact
    assert found.seen == searching(tmp_path).space.points == 54
    assert found.refused == refused
    assert set(refused) == {"H612", "H301"}
    assert found.lawful == found.fitting == len(params)
    assert found.costs["params"] == Spread(min(params), float(np.median(params)), max(params))
    assert found.costs["latency_ms"] == Spread(min(times), float(np.median(times)), max(times))


def test_a_budget_counts_those_within_it_and_those_it_refuses(
    tmp_path: Path, expected: tuple[dict[str, int], list[int], list[float]]
) -> None:
    _, params, _ = expected
    limit = sorted(params)[3] / 1e6
    found = survey(searching(tmp_path, mparams=limit))
    assert found.fitting == sum(one <= limit * 1e6 for one in params)
    assert found.over == {"mparams": len(params) - found.fitting}


def test_a_space_without_a_lawful_point_has_no_costs(tmp_path: Path) -> None:
    found = survey(searching(tmp_path, SPACE.replace("[2, 3]", "[3, 5]").replace("choose: [max, ", "choose: [")))
    assert (found.lawful, found.costs) == (0, {})
    assert sum(found.refused.values()) == found.seen


def test_a_sample_is_seeded_and_as_large_as_asked(tmp_path: Path) -> None:
    text = SPACE.replace("[1, 3]", "[1, 900]") + "  2: {depth: {range: [1, 900]}}\n  3: {depth: {range: [1, 900]}}\n"
    found = survey(searching(tmp_path, text), sample=500)
    assert not found.exact
    assert found.seen == 500
    assert found == survey(searching(tmp_path, text), sample=500)
    assert found != survey(searching(tmp_path, text, seed=1), sample=500)


def test_points_are_drawn_with_equal_chances(tmp_path: Path) -> None:
    """A hole that exists in few points does not make the others likelier."""
    text = "extends: hiera_b\nname: x\nstages: {0: {depth: {choose: [1, 2, {choose: [3, 4, 5, 6]}]}}}\n"
    (tmp_path / "x.yaml").write_text(text)
    space = load_space(str(tmp_path / "x.yaml"))
    choices = np.concatenate(list(drawn(space, 60_000, 0)))
    points, counts = np.unique(choices, axis=0, return_counts=True)
    assert len(points) == space.points == 6
    # Five standard deviations of a binomial count.
    assert np.abs(counts - 10_000).max() < 5 * np.sqrt(60_000 / 6 * 5 / 6)
