import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import hiera_compiler as hc
from hiera_compiler.profile.count import count
from hiera_compiler.profile.opkind import kind_of
from hiera_compiler.profile.subject import Subject

META = torch.device("meta")


@pytest.mark.parametrize("name", ["hiera_t", "hiera_b_16x224"])
def test_tracing_a_spec_counts_what_its_graph_says(name: str) -> None:
    compilation = hc.compile(name)
    cost, counted = compilation.cost, Subject.of(compilation).count
    found = (counted.params, counted.macs, counted.flops, counted.acts)
    assert found == (cost.params, cost.macs, cost.flops, cost.acts)


class Attention(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(x, x, x)


def test_attention_counts_the_same_fused_on_a_cpu_and_in_parts_on_meta() -> None:
    fused = count(Attention(), torch.randn(2, 3, 8, 4))
    in_parts = count(Attention(), torch.empty(2, 3, 8, 4, device=META))
    assert fused.flops == in_parts.flops == 2 * 2 * 2 * 3 * 8 * 8 * 4
    assert fused.attention
    assert not in_parts.attention


def test_flops_are_those_of_flop_counter_mode() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, groups=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten()).to(META)
    pixels = torch.empty(2, 3, 9, 9, device=META)
    with FlopCounterMode(display=False) as reference, torch.no_grad():
        module(pixels)
    assert count(module, pixels).flops == reference.get_total_flops()


def test_norms_are_five_for_each_element_and_four_without_scale() -> None:
    pixels = torch.empty(2, 6, 8, device=META)
    assert count(nn.LayerNorm(8, device=META), pixels).macs == 5 * 96
    assert count(nn.LayerNorm(8, elementwise_affine=False, device=META), pixels).macs == 4 * 96


class Residual(nn.Module):
    """Holds its input, a sum and a product of 4 bytes an element each: what dies is not counted."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(10):
            x = (x + 1) * 2
        return x.view(-1)


def test_the_peak_is_what_lives_at_once() -> None:
    counted = count(Residual(), torch.empty(100, device=META))
    assert counted.written_bytes == 20 * 400
    assert 800 <= counted.peak_bytes <= 1200


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        ("aten::addmm", "linear"),
        ("aten.addmm.default", "linear"),
        ("aten::bmm", "attention"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", "attention"),
        ("aten::add_", "add and scale"),
        ("aten::native_layer_norm", "norm"),
        ("aten::max_pool2d_with_indices", "pool"),
        ("aten::view", "other"),
        ("triton_poi_fused_gelu_3", "fused"),
        ("mkl::_mkl_linear", "linear"),
    ],
)
def test_operators_are_sorted_into_kinds(operator: str, kind: str) -> None:
    assert kind_of(operator) == kind
