"""Multiply-accumulates and activations are what fvcore finds in the module, attention counted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import hiera_compiler as hc
from tests.support.fvcore_counters import counted_acts, counted_macs
from tests.support.parity import without_initialisation
from tests.support.random_specs import Data, compilation, specs

SMALLER = {
    "hiera_t": [],
    "hiera_s": [],
    "hiera_b": [],
    "hiera_l": ["input.size=[64, 96]"],
    "hiera_b_16x224": ["input.size=[64, 96]", "input.frames=8"],
}


@pytest.mark.parametrize("name", SMALLER)
def test_counts_are_fvcores_in_shipped_specs(name: str) -> None:
    compiled = hc.compile(name, SMALLER[name])
    with without_initialisation():
        module = compiled.module()
    shape = compiled.spec.input_shape
    assert (counted_macs(module, shape), counted_acts(module, shape)) == (compiled.cost.macs, compiled.cost.acts)


@settings(max_examples=15)
@given(specs(max_depth=2))
def test_counts_are_fvcores_in_random_specs(data: Data) -> None:
    compiled = compilation(data)
    module, shape = compiled.module(), compiled.spec.input_shape
    assert (counted_macs(module, shape), counted_acts(module, shape)) == (compiled.cost.macs, compiled.cost.acts)
