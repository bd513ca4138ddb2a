"""Predictions: monotonic, additive, with their regime and an interval, and refused where they mean nothing."""

import json
import subprocess
import sys
from dataclasses import asdict
from time import perf_counter

import pytest

import hiera_compiler as hc
from hiera_compiler.devices import names
from hiera_compiler.diagnostics import SpecError
from hiera_compiler.estimate.batch_limit import largest_batch
from hiera_compiler.estimate.conformal import coverage, ratio_coverage, ratio_spread, spread
from hiera_compiler.estimate.kernels import kernel_list
from hiera_compiler.estimate.predict import HOST, MILLISECOND, compare, predict, section_time
from hiera_compiler.estimate.price import RESOURCES
from hiera_compiler.estimate.profiles import Profile, all_profiles, profiles_for
from hiera_compiler.ir import Graph

PROFILES = [pytest.param(profile, id=profile.name) for profile in all_profiles()]


def graph(name: str, *settings: str) -> Graph:
    return hc.compile(name, list(settings)).graph


def profile(device: str, regime: str) -> Profile:
    return next(p for p in profiles_for(device) if p.regime.name == regime)


@pytest.mark.parametrize("stack", PROFILES)
def test_a_prediction_says_where_it_holds_and_how_far_to_trust_it(stack: Profile) -> None:
    found = predict(graph("hiera_t"), stack)
    assert (found.device, found.regime) == (stack.device.name, stack.regime.name)
    assert found.low < found.throughput < found.high
    assert found.throughput == pytest.approx(1000 * found.batch / found.latency_ms)
    assert sum(seconds for _, seconds in found.stages) == pytest.approx(found.latency_ms / 1000)
    assert sum(found.resources.values()) == pytest.approx(found.latency_ms / 1000)
    assert tuple(found.resources) == RESOURCES
    assert 0 <= found.extrapolated_share <= 1
    assert len(found.provenance) > 20
    json.dumps(asdict(found))


def test_stages_are_named_as_in_the_cost_table() -> None:
    compilation = hc.compile("hiera_s")
    found = predict(compilation.graph, profile("h200", "eager-half"))
    assert [name for name, _ in found.stages] == [row.name for row in compilation.cost.stages]


def test_every_device_has_profiles_and_the_papers_only_the_papers_device() -> None:
    for name in names():
        regimes = [p.regime.name for p in profiles_for(name)]
        assert regimes
        assert any("paper" in regime for regime in regimes) == (name == "a100-40gb")
        assert all(("fp32" in regime) == (name == "cpu") for regime in regimes)


def test_a_device_without_rows_has_the_lowest_tier_and_the_widest_interval() -> None:
    measured, assumed = profile("rtx-4090", "compiled-amp"), profile("h200", "compiled-amp")
    assert (measured.tier, assumed.tier) == ("A", "C")
    assert measured.spread < profile("rtx-4090", "compiled-half").spread < assumed.spread
    assert predict(graph("hiera_t"), assumed).extrapolated_share == 1


@pytest.mark.parametrize("stack", PROFILES)
def test_time_grows_with_the_batch_and_throughput_does_not_fall(stack: Profile) -> None:
    found = [predict(graph("hiera_t"), stack, batch) for batch in (1, 8, 64)]
    assert found[0].latency_ms <= found[1].latency_ms < found[2].latency_ms
    assert found[0].throughput < found[1].throughput < found[2].throughput * 1.02


def test_where_the_host_is_slower_than_the_device_its_launches_are_the_time() -> None:
    stack = profile("h100-sxm", "eager-half")
    kernels = kernel_list(graph("hiera_t"), stack.regime)
    launches = sum(kernel.count for section in kernels for kernel in section.kernels.listed)
    alone = predict(graph("hiera_t"), stack, 1)
    assert alone.latency_ms == pytest.approx(1000 * HOST * launches)
    assert sum(seconds for _, seconds in alone.stages) == pytest.approx(alone.latency_ms / 1000)
    assert sum(alone.resources.values()) == pytest.approx(alone.latency_ms / 1000)
    full = predict(graph("hiera_t"), stack, 256)
    assert full.latency_ms > 1000 * HOST * launches
    assert full.resources["launch"] == pytest.approx(stack.constants.launch * stack.constants.scale * launches)


def test_a_processor_does_not_wait_for_a_host() -> None:
    stack = profile("cpu", "eager-fp32")
    alone = predict(graph("hiera_t"), stack, 1)
    launches = sum(
        kernel.count for part in kernel_list(graph("hiera_t"), stack.regime) for kernel in part.kernels.listed
    )
    assert alone.resources["launch"] == pytest.approx(stack.constants.launch * stack.constants.scale * launches)


@pytest.mark.parametrize("regime", ["paper-eager-amp", "eager-amp", "compiled-half"])
def test_wider_and_deeper_models_take_longer(regime: str) -> None:
    stack = profile("a100-40gb", regime)
    sizes = ["hiera_t", "hiera_s", "hiera_b", "hiera_b_plus", "hiera_l", "hiera_h"]
    times = [predict(graph(name), stack, 64).latency_ms for name in sizes]
    assert times == sorted(times)
    deeper = predict(graph("hiera_t", "stages.2.depth=9"), stack, 64).latency_ms
    assert times[0] < deeper < times[1]


def test_without_a_batch_the_best_one_is_taken() -> None:
    stack = profile("a100-40gb", "eager-half")
    best = predict(graph("hiera_t"), stack)
    assert all(best.throughput >= predict(graph("hiera_t"), stack, batch).throughput for batch in (1, 16, 128))


def test_predictions_are_additive_by_block() -> None:
    stack = profile("h200", "compiled-half")
    times = [predict(graph("hiera_t", f"stages.2.depth={depth}"), stack, 64).latency_ms for depth in (7, 8, 9)]
    assert times[2] - times[1] == pytest.approx(times[1] - times[0])
    sections = kernel_list(graph("hiera_t"), stack.regime)
    whole = sum(section_time(section.kernels, stack, 64).total for section in sections)
    assert whole / MILLISECOND == times[0]


def test_the_same_question_has_the_same_answer() -> None:
    stack = profile("l4", "eager-amp")
    assert predict(graph("hiera_b"), stack) == predict(graph("hiera_b"), stack)


def test_a_ratio_has_a_smaller_interval_than_its_parts() -> None:
    stack = profile("a100-40gb", "paper-eager-amp")
    a, b = (predict(graph(name), stack, 64) for name in ("hiera_t", "hiera_b"))
    found = compare(a, b)
    assert found.ratio == pytest.approx(a.throughput / b.throughput)
    assert found.low < found.ratio < found.high
    assert found.high / found.low < a.high / a.low


def test_a_ratio_across_regimes_is_refused() -> None:
    a, b = (predict(graph("hiera_t"), profile("h200", regime), 8) for regime in ("eager-amp", "eager-half"))
    with pytest.raises(ValueError, match="no common error"):
        compare(a, b)


@pytest.mark.parametrize("batch", [0, -3])
def test_a_batch_of_nothing_is_refused(batch: int) -> None:
    with pytest.raises(SpecError) as caught:
        predict(graph("hiera_t"), profile("t4", "eager-amp"), batch)
    assert caught.value.diagnostics[0].code == "H502"


def test_a_batch_beyond_memory_is_refused_with_the_largest_that_fits() -> None:
    stack = profile("t4", "eager-amp")
    limit = largest_batch(graph("hiera_t"), stack)
    assert predict(graph("hiera_t"), stack, limit).batch == limit
    with pytest.raises(SpecError) as caught:
        predict(graph("hiera_t"), stack, limit + 1)
    assert caught.value.diagnostics[0].code == "H503"
    assert f"at most {limit}" in str(caught.value.diagnostics[0].help)


def test_predicting_again_takes_milliseconds() -> None:
    lowered, stack = graph("hiera_b"), profile("a100-40gb", "compiled-half")
    predict(lowered, stack)
    times = []
    for _ in range(7):
        start = perf_counter()
        predict(lowered, stack)
        times.append(perf_counter() - start)
    assert min(times) < 0.02


def test_predicting_needs_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; import hiera_compiler as hc; from hiera_compiler.estimate.predict import predict;"
        "from hiera_compiler.estimate.profiles import profiles_for;"
        "predict(hc.compile('hiera_t').graph, profiles_for('h200')[0]);"
        "print({'torch', 'numpy', 'networkx'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_an_interval_is_the_quantile_that_covers_a_new_row() -> None:
    assert spread([0.01 * k for k in range(-9, 10)]) == pytest.approx(0.09)
    assert spread([0.1] * 5) == float("inf")


def test_a_ratio_cancels_what_a_family_has_in_common() -> None:
    assert ratio_spread([[0.5] * 20]) == pytest.approx(0)
    assert ratio_spread([[0.0, 0.2] * 10]) == pytest.approx(0.2)


def test_rows_of_two_machines_make_no_ratio() -> None:
    assert ratio_spread([[0.0] * 5, [0.7] * 5]) == pytest.approx(0)


def test_coverage_of_ratios_uses_the_other_families_only() -> None:
    assert ratio_coverage({"calm": [[0.0] * 10], "wild": [[0.0, 0.3] * 5]}) == (45 + 20, 90)


def test_coverage_uses_the_errors_of_other_families_only() -> None:
    errors = {"a": [0.01] * 20, "b": [0.02] * 20}
    assert coverage(errors) == (20, 40)
