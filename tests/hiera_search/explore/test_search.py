from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.predict import predict
from hiera_compiler.pipeline import Compilation
from hiera_search.explore import Found, Search, check_study, enumeration, leave, outcome
from hiera_search.explore.problems import nothing_fits
from hiera_search.explore.sizes import Sizes
from hiera_search.report import read_front
from hiera_search.space import Refused
from tests.hiera_search.explore.conftest import Searcher


def quietly(search: Search) -> Found:
    return search.run(lambda *_: None)


def test_enumeration_sees_each_point_once(searcher: Searcher) -> None:
    search = searcher()
    seen = np.concatenate(list(enumeration.all_choices(search.space, chunk=100)))
    assert len(np.unique(seen, axis=0)) == len(seen) == search.space.points
    numbers = enumeration.flat_numbers(seen, search.space.digits())
    assert np.array_equal(enumeration.unflatten(numbers, search.space.digits()), seen)


@pytest.mark.slow
def test_front_is_what_the_compiler_gives_point_by_point(searcher: Searcher) -> None:
    search = searcher(space="hiera_small", latency_ms=1.6, mparams=80.0)
    assert quietly(search).exact
    assert search.space.points > 5000
    margin = search.sieve.limits.margin
    points: set[tuple[float, float]] = set()
    for choice in itertools.product(*map(range, search.space.digits())):
        try:
            compilation = Compilation(search.space.fill(choice))
            latency = predict(compilation.graph, search.profile, 1).latency_ms
        except (Refused, SpecError):
            continue
        if latency * margin <= 1.6 and compilation.cost.params <= 80e6:
            points.add((latency, float(sum(stage.depth * stage.channels for stage in compilation.spec.stages))))
    expected = {one for one in points if not any(a <= one[0] and b >= one[1] and (a, b) != one for a, b in points)}
    front = search.sieve.front
    assert front is not None
    assert set(zip(front.cost.tolist(), front.scores.value.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    "limits",
    [{"latency_ms": 1.5}, {"gmacs": 6.0}, {"mparams": 30.0}, {"memory_gb": 0.1}, {"min_throughput": 900.0}],
)
def test_nothing_over_a_budget_is_reported(searcher: Searcher, limits: dict[str, float]) -> None:
    search = searcher(**limits)
    front = outcome(search, quietly(search), "hiera search")
    assert front.front
    for one in (*front.front, *front.ties):
        figures = {
            "latency_ms": one.latency_ms,
            "gmacs": one.macs / 1e9,
            "mparams": one.params / 1e6,
            "memory_gb": one.memory_bytes / 1e9,
        }
        assert all(figures.get(name, 0) <= limit for name, limit in limits.items())
        assert one.throughput >= limits.get("min_throughput", 0)


def test_a_smaller_risk_leaves_more_room(searcher: Searcher) -> None:
    slowest = []
    for risk in (0.5, 0.1, 0.01):
        search = searcher(latency_ms=1.5, risk=risk)
        quietly(search)
        assert search.sieve.front is not None
        slowest.append(search.sieve.front.cost.max())
    assert 1.5 >= slowest[0] > slowest[1] > slowest[2]


def test_another_budget_asks_what_is_kept_and_prices_nothing(searcher: Searcher) -> None:
    first = searcher(latency_ms=1.5)
    quietly(first)
    first.remember()
    again = searcher(latency_ms=2.0)
    assert quietly(again) == Found(exact=True, interrupted=False, reused=first.space.points)
    assert again.table.distinct == 0
    anew = searcher(latency_ms=2.0)
    anew.folder.joinpath("evaluated.npz").unlink()
    quietly(anew)
    assert anew.sieve.front is not None
    assert again.sieve.front is not None
    assert np.array_equal(anew.sieve.front.choices, again.sieve.front.choices)
    assert again.sieve.refused == anew.sieve.refused


def test_figures_of_another_batch_are_not_reused(searcher: Searcher) -> None:
    first = searcher()
    quietly(first)
    first.remember()
    assert quietly(searcher(batch=8)).reused == 0


def test_a_damaged_file_of_figures_is_left_aside(searcher: Searcher) -> None:
    first = searcher()
    quietly(first)
    first.remember()
    file = first.folder / "evaluated.npz"
    file.write_bytes(file.read_bytes()[:-1000])
    assert quietly(searcher()).reused == 0


def test_an_interrupted_search_goes_on_where_it_was(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enumeration, "CHUNK", 1000)
    stopped = searcher(latency_ms=1.5)

    def stop(step: str, done: int, total: int) -> None:
        if done >= 2000:
            raise KeyboardInterrupt

    assert stopped.run(stop) == Found(exact=False, interrupted=True, reused=0)
    stopped.remember()
    resumed = searcher(latency_ms=1.5)
    assert quietly(resumed) == Found(exact=True, interrupted=False, reused=2000)
    assert resumed.sieve.evaluated == resumed.space.points


def test_an_impossible_budget_names_the_limit_and_the_nearest(searcher: Searcher) -> None:
    search = searcher(latency_ms=0.01, gmacs=4.0)
    front = outcome(search, quietly(search), "hiera search")
    assert front.front == ()
    assert front.impossible is not None
    assert front.impossible.limit == "latency_ms"
    assert front.impossible.refuses_share == 1.0
    nearest = front.impossible.nearest
    assert nearest is not None
    every = np.concatenate(list(enumeration.all_choices(search.space)))
    columns = search.table.price(every)
    assert nearest.latency_ms == columns.latency_ms[columns.refused == 0].min()


def test_least_accuracy_needs_an_accuracy(searcher: Searcher) -> None:
    with pytest.raises(SpecError) as caught:
        searcher(min_accuracy=84.5)
    assert [one.code for one in caught.value.diagnostics] == ["H621"]
    search = searcher(min_accuracy=84.5, accuracy="table")
    front = outcome(search, quietly(search), "hiera search")
    assert front.front
    assert all(one.accuracy >= 84.5 for one in front.front)


def test_members_of_a_front_differ_by_more_than_noise(searcher: Searcher) -> None:
    search = searcher(accuracy="table")
    front = outcome(search, quietly(search), "hiera search")
    assert search.sieve.front is not None
    resolution = search.sieve.front.scores.resolution
    scores = [one.accuracy for one in front.front]
    assert resolution > 0
    assert all(above - below > resolution for above, below in itertools.pairwise(scores))
    assert front.ties


def test_reported_figures_are_those_of_the_compiler(searcher: Searcher) -> None:
    search = searcher(latency_ms=1.5)
    for one in outcome(search, quietly(search), "hiera search").front[:5]:
        from json import dumps

        from hiera_compiler.source import read_text

        compilation = Compilation(read_text(dumps(one.spec), "spec"))
        assert one.hash == compilation.spec.hash
        assert (one.params, one.macs, one.flops) == tuple(
            getattr(compilation.cost, name) for name in ("params", "macs", "flops")
        )
        assert one.latency_ms == predict(compilation.graph, search.profile, 1).latency_ms
        assert sum(stage.ms for stage in one.stages) == pytest.approx(one.latency_ms)
        assert sum(one.resources.values()) == pytest.approx(one.latency_ms)


def test_nearest_published_model_is_that_of_nearest_latency(searcher: Searcher) -> None:
    search = searcher()
    front = outcome(search, quietly(search), "hiera search")
    published = {one.name: one for one in front.published}
    assert list(published) == sorted(published, key=lambda name: published[name].latency_ms)
    for one in front.front:
        assert one.nearest is not None
        ratio = {name: abs(np.log(other.latency_ms / one.latency_ms)) for name, other in published.items()}
        assert one.nearest.name == min(ratio, key=lambda name: ratio[name])
        assert one.nearest.faster == published[one.nearest.name].latency_ms / one.latency_ms


@pytest.mark.parametrize(
    ("base", "size", "alike", "other"),
    [
        ("detection/hiera_b", 1024, "detection_hiera_{}", None),
        ("hiera_b_1024", 512, "hiera_{}_1024", "3x1024x1024"),
        ("hiera_b", 256, "hiera_{}", "3x224x224"),
    ],
)
def test_published_models_give_what_those_of_the_space_give(
    searcher: Searcher, tmp_path: Path, base: str, size: int, alike: str, other: str | None
) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(
        f"extends: {base}\nname: x\ninput: {{size: {size}}}\nstages: {{2: {{depth: {{choose: [15, 16]}}}}}}"
    )
    search = searcher(space=str(file))
    front = outcome(search, quietly(search), "hiera search")
    names = {one.name for one in front.published}
    assert {alike.format(width) for width in ("b", "b_plus", "l")} <= names
    assert all(name.startswith(alike.partition("{")[0]) for name in names)
    assert all(name.endswith("_1024") == alike.endswith("_1024") for name in names)
    for one in front.front:
        assert one.nearest is not None
        assert one.nearest.input == other


def test_every_search_leaves_a_study_of_front_and_published(searcher: Searcher) -> None:
    from hiera_search.ledger import open_study

    search = searcher(latency_ms=1.5)
    front = leave(search, outcome(search, quietly(search), "hiera search"), lambda text: None)
    trials = {trial.candidate.hash: trial for trial in open_study(search.folder, create=False).trials()}
    assert trials.keys() == {one.hash for one in (*front.front, *front.published)}
    for one in front.front:
        assert trials[one.hash].candidate.score == one.accuracy
        options = [trials[one.hash].candidate.choice[hole.name] for hole in search.space.holes]
        assert Compilation(search.space.fill(options)).spec.hash == one.hash


def test_only_the_first_winners_become_spec_files(searcher: Searcher) -> None:
    search = searcher(top=3)
    front = leave(search, outcome(search, quietly(search), "hiera search"), lambda text: None)
    assert len(front.front) > 3
    specs = sorted(file.name for file in search.folder.glob("*.yaml"))
    assert specs == sorted(str(one.file) for one in front.front[:3])
    assert "best.yaml" in specs


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_sampler_takes_is_one_diagnostic(searcher: Searcher, seed: int) -> None:
    with pytest.raises(SpecError) as caught:
        searcher(seed=seed)
    assert [(one.code, one.message) for one in caught.value.diagnostics] == [("H623", f"--seed is {seed}")]


def test_published_models_that_do_not_fit_on_the_device_are_left_out(searcher: Searcher) -> None:
    search = searcher(batch=4096)
    front = outcome(search, quietly(search), "hiera search")
    assert front.front
    assert "hiera_t" in {one.name for one in front.published}
    assert "hiera_h_448" not in {one.name for one in front.published}


def test_a_space_whose_first_point_is_refused_is_searched(searcher: Searcher) -> None:
    # 64 channels do not make 48 a head: neither does the first point, whose ties have no value.
    search = searcher(settings=("let.head={choose: [48, 32]}",))
    front = outcome(search, quietly(search), "hiera search")
    assert front.front
    assert front.published


def test_a_space_without_an_architecture_names_the_rule(searcher: Searcher) -> None:
    search = searcher(settings=("let.head=16", "stages.3.heads=11"))
    front = outcome(search, quietly(search), "hiera search")
    assert front.impossible is not None
    assert (front.impossible.limit, front.impossible.refuses_share, front.published) == ("H201", 1.0, ())
    found = nothing_fits(front)
    assert found.message == f"no candidate is a lawful architecture: H201 refuses 100 % of {front.evaluated} candidates"


def test_what_is_within_a_limit_but_for_the_risk_says_the_time_that_would_be_allowed(searcher: Searcher) -> None:
    every = searcher()
    fastest = min(one.latency_ms for one in outcome(every, quietly(every), "hiera search").front)
    search = searcher(latency_ms=1.1 * fastest, risk=0.1)
    found = nothing_fits(outcome(search, quietly(search), "hiera search"))
    allowed = re.search(r"has to allow it ([\d.]+) ms .* with a probability of 0.1 ", found.notes[1])
    assert allowed is not None
    for factor, fits in ((0.999, False), (1.001, True)):
        again = searcher(latency_ms=factor * float(allowed[1]), risk=0.1)
        assert bool(outcome(again, quietly(again), "hiera search").front) == fits


def test_nobody_says_that_nothing_fits_before_all_was_looked_at(searcher: Searcher) -> None:
    def stop(step: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    search = searcher(latency_ms=0.001)
    assert outcome(search, search.run(stop), "hiera search").impossible is None


def test_optunas_engine_judges_nothing_that_an_earlier_search_has(searcher: Searcher) -> None:
    asked = {"engine": "optuna", "sampler": "random", "candidates": 30}
    first = searcher(**asked)
    quietly(first)
    first.remember()
    again = searcher(**asked, latency_ms=1.5)
    assert quietly(again).reused == again.sieve.evaluated == 30
    assert again.table.distinct == 0


def test_a_folder_of_another_space_is_left_as_it_was(searcher: Searcher) -> None:
    first = searcher()
    leave(first, outcome(first, quietly(first), "hiera search"), lambda text: None)
    before = {file: file.read_bytes() for file in first.folder.iterdir()}
    other = searcher(settings=("let.width=96",))
    for attempt in (
        lambda: check_study(other),
        lambda: leave(other, outcome(other, quietly(other), "hiera search"), lambda text: None),
    ):
        with pytest.raises(SpecError) as caught:
            attempt()
        assert [one.code for one in caught.value.diagnostics] == ["H670"]
        assert {file: file.read_bytes() for file in first.folder.iterdir()} == before


def test_a_database_that_is_away_keeps_no_result_from_being_written(searcher: Searcher) -> None:
    search = searcher(storage="postgresql://nobody@127.0.0.1:9/nothing", latency_ms=1.5)
    with pytest.raises(SpecError):
        leave(search, outcome(search, quietly(search), "hiera search"), lambda text: None)
    assert read_front(search.folder).front


def test_the_size_of_an_input_is_looked_up_however_many_there_may_be(searcher: Searcher) -> None:
    sides = "{range: [32, 4095]}"
    space = searcher(settings=(f"input.size=[{sides}, {sides}]",)).space
    choices = np.zeros((2, len(space.digits())), np.int32)
    choices[1, list(space.below(("input", "size")))] = 10, 4063
    assert Sizes(space).of(choices).tolist() == [32, 4095]
