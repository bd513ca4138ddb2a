"""Modules of random specs run, learn, and mask."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hiera_compiler import Compilation
from hiera_compiler.ir import ToUnits
from hiera_compiler.lower import lower
from tests.support.parity import randomise
from tests.support.random_specs import Data, compilation, specs


def unit_count(compiled: Compilation) -> int:
    (shape,) = [node.shape for node in compiled.graph if isinstance(node.op, ToUnits)]
    return shape[0]


@settings(max_examples=20)
@given(specs())
def test_every_parameter_gets_a_finite_gradient(data: Data) -> None:
    compiled = compilation(data)
    module: Any = compiled.module()
    randomise(module)
    pixels = torch.randn(2, *compiled.spec.input_shape)
    output = module(pixels)
    # A model without a head gives the maps of its neck, or else of its stages.
    outputs = [output] if isinstance(output, torch.Tensor) else output
    outputs += module.pyramid(pixels) if compiled.spec.neck is not None else []
    torch.stack([x.square().sum() for x in outputs]).sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@settings(max_examples=20)
@given(specs(max_depth=2, units=True), st.integers(0, 2**16))
def test_keeping_all_units_changes_nothing_and_keeping_some_fits_the_graph(data: Data, seed: int) -> None:
    compiled = compilation(data)
    module: Any = compiled.module().eval()
    pixels = torch.randn(2, *compiled.spec.input_shape, generator=torch.Generator().manual_seed(seed))
    units = unit_count(compiled)
    with torch.no_grad():
        everything = module.features(pixels, mask=torch.ones(2, units, dtype=torch.bool))
        for masked, whole in zip(everything, module.features(pixels), strict=True):
            torch.testing.assert_close(masked, whole)
        kept = seed % units + 1
        order = torch.rand(2, units, generator=torch.Generator().manual_seed(seed)).argsort(1)
        some = module.features(pixels, mask=order < kept)
        by_index = module.features(pixels, mask=(order < kept).nonzero()[:, 1].view(2, kept))
    graph = lower(compiled.spec, kept_units=kept)
    assert [tuple(x.shape) for x in some] == [(2, *graph[f"features.{n}"].shape) for n in range(len(some))]
    assert all(torch.equal(one, other) for one, other in zip(some, by_index, strict=True))


@settings(max_examples=10)
@given(specs(max_depth=2))
def test_a_sample_does_not_depend_on_its_batch(data: Data) -> None:
    compiled = compilation(data)
    module: Any = compiled.module(dtype=torch.float64).eval()
    pixels = torch.randn(3, *compiled.spec.input_shape, dtype=torch.float64)
    with torch.no_grad():
        for together, alone in zip(module.features(pixels), module.features(pixels[1:2]), strict=True):
            torch.testing.assert_close(together[1:2], alone)
