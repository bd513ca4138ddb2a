"""Each rule reads only what its scope names, so that a search may ask it once for each distinct stage or trunk."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given

import hiera_compiler as hc
from hiera_compiler.checks import BLOCK_LIMIT, PARAMETER_LIMIT, check_masking, check_spec, check_stage, check_trunk
from hiera_compiler.source import Source
from hiera_compiler.spec import Spec
from tests.support.random_specs import Data, compilation, specs

BROKEN = [
    ["mask_unit=4", "stages.1.heads=5", "stages.3.mlp_ratio=0.001"],
    ["stages.2.pool.stride=3", "stages.0.heads=7", "input.size=230"],
    ["patch.kernel=300", "stages.1.heads=5"],
    ["patch.padding=8", "stages.1.heads=5"],
    ["input.size=8192"],
    ["mae.mask_ratio=0.999", "stages.2.attention={kind: global, relative: decomposed}", "neck=simple_feature_pyramid"],
    ["mae={mask_ratio: 0.999}", "stages.2.attention.relative=decomposed"],
    ["mae={target: hog}", "mask_unit=none", "patch.stride=1", "stages.0.attention=global", "stages.1.attention=global"],
]


def only_pools(spec: Spec) -> Spec:
    """The spec with stages that have nothing but how they pool: reading anything else of them is an error."""
    stages: Any = tuple(SimpleNamespace(pool=stage.pool) for stage in spec.stages)
    return spec.model_copy(update={"stages": stages})


def parsed(settings: list[str]) -> tuple[Spec, Source]:
    source = hc.compile("hiera_b", settings).source
    return Spec.model_validate(source.data), source


@pytest.mark.parametrize("settings", BROKEN)
def test_the_parts_find_what_the_whole_finds(settings: list[str]) -> None:
    spec, source = parsed(settings)
    resolved = spec.resolved()
    found = check_trunk(only_pools(resolved), source) + check_masking(resolved, source)
    for index, stage in enumerate(resolved.stages):
        found += check_stage(stage, index, source)
    assert [each.diagnostic for each in sorted(found, key=lambda each: each.rank)] == check_spec(spec, source)


@given(specs())
def test_the_rules_on_the_trunk_read_of_a_stage_only_how_it_pools(data: Data) -> None:
    made = compilation(data)
    assert check_trunk(only_pools(made.spec), made.source) == []


@pytest.mark.parametrize(
    ("settings", "limit"),
    [(["stages.2.depth=993"], BLOCK_LIMIT), (["stages.3.channels=65536", "stages.3.depth=2"], PARAMETER_LIMIT)],
)
def test_the_limits_on_sums_are_those_of_their_rules(settings: list[str], limit: Any) -> None:
    with pytest.raises(hc.SpecError) as caught:
        hc.compile("hiera_b", settings).graph  # noqa: B018 - the last phase that can find a problem
    assert [each.code for each in caught.value.diagnostics] == [limit.code]
    if limit is BLOCK_LIMIT:
        assert len(hc.compile("hiera_b", ["stages.2.depth=992"]).spec.stages) == 4
