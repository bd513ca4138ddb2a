from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import hiera_compiler as hc
from hiera_search.accuracy import Features, Proxy, ladder
from hiera_search.accuracy.proxies.grad_norm import GradNorm
from hiera_search.accuracy.proxies.snip import Snip
from hiera_search.accuracy.proxies.synflow import SynFlow
from hiera_search.accuracy.proxies.zico import ZiCo
from tests.support.random_specs import RICH_CLIP, RICH_IMAGE, compilation

PROXIES = [rung for rung in ladder().values() if issubclass(rung, Proxy)]


def small(channels: int = 8, depth: int = 1, **changes: Any) -> hc.Compilation:
    stages = [
        {"depth": depth, "channels": channels, "heads": 1, "attention": "mask_unit"},
        {"depth": depth, "channels": 2 * channels, "heads": 2, "attention": "global", "pool": "max"},
    ]
    return compilation(
        {
            "name": "small",
            "input": {"size": 32},
            "patch": {"kernel": 7, "stride": 4, "padding": 3},
            "position": "absolute",
            "mask_unit": 4,
            "stages": stages,
            "head": {"classes": 10},
        }
        | changes
    )


def proxy(rung: type[Any]) -> Proxy:
    found = rung.of(None)
    assert isinstance(found, Proxy)
    return found


def test_the_four_are_found_by_listing_the_folder() -> None:
    assert {rung.rung for rung in PROXIES} == {f"proxy:{name}" for name in ("synflow", "snip", "zico", "grad_norm")}


def linear(*shapes: tuple[int, int]) -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(*(nn.Linear(*shape, bias=False) for shape in shapes))


def test_synflow_of_a_linear_network_is_its_depth_times_the_flow() -> None:
    module = linear((3, 4), (4, 2), (2, 5))
    flow = torch.ones(3)
    for layer in module:
        assert isinstance(layer, nn.Linear)
        flow = layer.weight.detach().abs() @ flow
    # Every layer carries the whole flow: sum of |w| dR/d|w| over a layer is R.
    assert SynFlow().measure(module, torch.randn(2, 3)) == pytest.approx(3 * float(flow.sum()), rel=1e-5)


def test_synflow_takes_a_layer_norm_as_a_division() -> None:
    module = nn.Sequential(linear((3, 4))[0], nn.LayerNorm(4, eps=0.0), linear((4, 2))[0])
    first, _, last = (next(iter(part.parameters())).detach().abs().clone() for part in module)
    signal = first @ torch.ones(3)
    signal = signal / signal.square().mean().sqrt()
    # Three layers carry it: the two linear ones and the norm's weight; its bias is 0.
    assert SynFlow().measure(module, torch.zeros(1, 3)) == pytest.approx(3 * float((last @ signal).sum()), rel=1e-5)


class Attention(nn.Module):
    """Two queries on three keys, all of them weights."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.query = nn.Parameter(torch.randn(1, 1, 2, 4))
        self.key = nn.Parameter(torch.randn(1, 1, 3, 4))
        self.value = nn.Parameter(torch.randn(1, 1, 3, 4))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return nn.functional.scaled_dot_product_attention(self.query, self.key, self.value)


def test_synflow_flows_through_values_alone() -> None:
    module = Attention()
    query, key, value = (one.detach().abs() for one in module.parameters())
    flow = ((query @ key.transpose(-2, -1) / 2).softmax(-1) @ value).sum()
    assert SynFlow().measure(module, torch.zeros(1, 1)) == pytest.approx(float(flow), rel=1e-5)


def gradient(weight: torch.Tensor, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of the mean cross-entropy of a linear map, by hand: (softmax - label) times the input."""
    wrong = (pixels @ weight.T).softmax(1) - nn.functional.one_hot(labels, weight.shape[0])
    return wrong.T @ pixels / len(pixels)


def by_hand(classes: int = 4) -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    module = linear((3, classes))
    pixels = torch.randn(5, 3)
    weight = next(module.parameters()).detach().clone()
    torch.manual_seed(9)
    return module, pixels, weight


def test_snip_and_grad_norm_of_one_layer_are_those_by_hand() -> None:
    module, pixels, weight = by_hand()
    found = gradient(weight, pixels, torch.randint(4, (5,)))
    torch.manual_seed(9)
    assert GradNorm().measure(module, pixels) == pytest.approx(float(found.norm()), rel=1e-5)
    module.zero_grad()
    torch.manual_seed(9)
    assert Snip().measure(module, pixels) == pytest.approx(float((weight * found).abs().sum()), rel=1e-5)


def test_zico_of_one_layer_is_that_by_hand() -> None:
    module, pixels, weight = by_hand()
    first = gradient(weight, pixels, torch.randint(4, (5,)))
    again = torch.randn(5, 3)
    second = gradient(weight, again, torch.randint(4, (5,)))
    # Of two values the deviation is half of their distance.
    ratio = (first.abs() + second.abs()) / 2 / ((first - second).abs() / 2)
    torch.manual_seed(9)
    assert ZiCo().measure(module, pixels) == pytest.approx(float(ratio.sum().log()), rel=1e-4)


@pytest.mark.parametrize("rung", PROXIES, ids=lambda rung: rung.rung)
class TestEvery:
    def test_is_settled_by_the_seed_and_leaves_random_numbers_alone(self, rung: type[Any]) -> None:
        torch.manual_seed(1)
        before = torch.random.get_rng_state()
        first = proxy(rung).evaluate(small(), seed=3)
        assert proxy(rung).evaluate(small(), seed=3) == first
        assert proxy(rung).evaluate(small(), seed=4) != first
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_rises_with_width(self, rung: type[Any]) -> None:
        scores = [proxy(rung).evaluate(small(channels)) for channels in (8, 24, 72)]
        assert scores == sorted(scores)
        assert scores[0] < scores[2]

    def test_takes_another_input_size(self, rung: type[Any]) -> None:
        assert proxy(rung).evaluate(small(), size=64) != proxy(rung).evaluate(small())
        with pytest.raises(hc.SpecError):
            proxy(rung).evaluate(small(), size=33)

    @pytest.mark.parametrize("data", [RICH_IMAGE, RICH_CLIP], ids=lambda data: data["name"])
    def test_takes_any_spec_and_trunks_without_a_head(self, rung: type[Any], data: dict[str, Any]) -> None:
        assert proxy(rung).evaluate(compilation(data), batch=2) > 0
        assert proxy(rung).evaluate(compilation(data | {"head": None}), batch=2) > 0

    def test_says_that_it_is_no_accuracy(self, rung: type[Any]) -> None:
        assert not proxy(rung).is_accuracy
        assert "not an accuracy" in proxy(rung).note

    def test_columns_of_candidates_are_ranked_by_capacity_and_labelled_so(self, rung: type[Any]) -> None:
        values = np.array([9216, 4704], np.int64)
        assert proxy(rung).score(Features(values, values, values)).value.tolist() == [9216.0, 4704.0]
        assert (proxy(rung).scored_by, proxy(rung).unit) == ("capacity", "size score")


def test_a_score_that_is_not_finite_is_an_error() -> None:
    class Broken(Proxy):
        rung = "proxy:broken"

        def measure(self, module: nn.Module, pixels: torch.Tensor) -> float:
            return float("nan")

    with pytest.raises(hc.SpecError) as caught:
        Broken().evaluate(small())
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("H653", "proxy:broken of 'small' is nan")
