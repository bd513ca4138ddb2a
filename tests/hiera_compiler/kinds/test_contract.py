"""What every kind of every group owes, our own and those of other packages: a new kind is tested when it exists."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, get_args

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import hiera_compiler as hc
from hiera_compiler.estimate.kernel import Kernel, kernel
from hiera_compiler.estimate.kernels import kernel_list
from hiera_compiler.estimate.programs import BATCH
from hiera_compiler.estimate.programs.custom import assumed
from hiera_compiler.estimate.regime import EAGER_AMP, EAGER_HALF, Regime
from hiera_compiler.kinds import GROUPS, Choice, Kind, kinds_of
from hiera_compiler.kinds.choice import required_options
from hiera_compiler.lower import lower
from hiera_compiler.spec import Stage
from tests.support.parity import randomise
from tests.support.random_specs import Data, compilation
from tests.support.trace import trace

SORTS = ("product", "convolution", "attention", "norm", "softmax", "reduction", "element-wise", "copy", "cast")


def written(kind: type[Kind], name: str, **options: Any) -> Any:
    """The kind as a spec has it: the bare word, or with options, those that it requires by their examples."""
    fields = {option: kind.model_fields[option] for option in required_options(kind)}
    for option, field in fields.items():
        assert field.examples, f"{option} of {name} is required and gives no example"
    examples = {option: field.examples[0] for option, field in fields.items() if field.examples}
    return {"kind": name, **examples, **options} if examples or options else name


def variants(group: str) -> dict[str, Any]:
    """The kinds of a group as a spec has them, each as it is by default and with each of its words changed alone."""
    found = {}
    for name, kind in kinds_of(group).items():
        found[name] = written(kind, name)
        for option, field in kind.model_fields.items():
            values = (False, True) if field.annotation is bool else get_args(field.annotation)
            words = [value for value in values if isinstance(value, bool | str) and option != "kind"]
            for value in words:
                if value != field.default:
                    found[f"{name} {option}={value}"] = written(kind, name, **{option: value})
    return found


VARIANTS = {group: variants(group) for group in GROUPS}
EVERY = [(group, label) for group, several in VARIANTS.items() for label in several]
POOLS = list(VARIANTS["pool"])
TWO_POOLS = [POOLS[first : first + 2] for first in range(0, len(POOLS), 2)]
PAIRS = [(attention, pool) for attention in VARIANTS["attention"] for pool in POOLS]
CHAINS = [(attention, *pools) for attention in VARIANTS["attention"] for pools in TWO_POOLS]
"""An attention and poolings that it goes with, a stage each: tracing costs by block, and each pair is one."""
PLAIN = [chain for chain in CHAINS if chain[0] in kinds_of("attention")]
TRACED = [*PLAIN, *((label, POOLS[0]) for label in VARIANTS["attention"] if label not in kinds_of("attention"))]
"""Every pair of kinds, and every option of an attention."""
ALONE = [(group, label) for group, label in EVERY if group not in ("attention", "pool")]
"""What is in no chain."""


def kind_of(group: str, label: str) -> Any:
    """The class of a variant."""
    return kinds_of(group)[label.partition(" ")[0]]


def spec_with(group: str, name: str, frames: int | None) -> Data:
    """A small spec that uses the kind wherever it can."""
    value = VARIANTS[group][name]
    data: Data = {
        "name": "contract",
        "input": {"size": 16} if frames is None else {"size": 16, "frames": frames},
        "patch": {"kernel": 3, "stride": 2, "padding": 1},
        "position": "absolute",
        "mask_unit": 4,
        "stages": [
            {"depth": 1, "channels": 8, "heads": 2, "attention": "mask_unit"},
            {"depth": 1, "channels": 16, "heads": 2, "attention": "global", "pool": "max"},
        ],
        "head": {"classes": 5},
    }
    if group == "attention":
        attend(data, name)
    elif group == "pool":
        data["stages"][1]["pool"] = value
    elif group == "neck":
        data |= {"neck": value, "head": "none"}
    else:
        data[group] = value
    return data


def attend(data: Data, name: str) -> None:
    """All stages attend by a kind, on a grid that is not cut where it needs one."""
    data["stages"] = [stage | {"attention": VARIANTS["attention"][name]} for stage in data["stages"]]
    if not has_units("attention", name):
        data["mask_unit"] = "none"


@cache
def compiled_with(group: str, name: str) -> hc.Compilation:
    """A spec of a clip, where a kind takes one: what is meant for time has some, and space it has too."""
    if group == "attention":
        return chain(name, POOLS[0])
    compiled = compilation(spec_with(group, name, frames=2))
    try:
        _ = compiled.spec
    except hc.SpecError as error:
        assert {found.code[:2] for found in error.diagnostics} == {"H2"}  # noqa: PT017 - a rule says: images only
        return compilation(spec_with(group, name, frames=None))
    return compiled


def chosen(group: str, name: str) -> Any:
    """The kind as a spec that names it has it."""
    value = VARIANTS[group][name]
    return kind_of(group, name).model_validate(value if isinstance(value, dict) else {"kind": value})


def has_units(group: str, name: str) -> bool:
    return getattr(chosen(group, name), "mask_units", None) is not False


def masks(group: str, name: str) -> bool:
    return has_units(group, name) and getattr(chosen(group, name), "masks", True)


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_a_kind_says_what_it_is(group: str, name: str) -> None:
    kind = kind_of(group, name)
    assert kind.__doc__
    assert not kind.__doc__.startswith(Kind.__doc__ or "")
    for option, field in kind.model_fields.items():
        assert option == "kind" or field.description, f"{name}.{option} has no description"


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_the_schema_offers_a_kind(group: str, name: str) -> None:
    schema = hc.json_schema()
    assert kind_of(group, name).__name__ in schema["$defs"]
    assert f'"{name.partition(" ")[0]}"' in json.dumps(schema)


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_a_kind_goes_through_on_images_too_or_a_rule_refuses_it(group: str, name: str) -> None:
    try:
        graph = compilation(spec_with(group, name, frames=None)).graph
    except hc.SpecError as error:
        assert {found.code[:2] for found in error.diagnostics} <= {"H2", "H3"}  # noqa: PT017 - either is right
    else:
        assert ("pyramid.0" if group == "neck" else "logits") in graph.outputs


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_a_kind_s_graph_is_its_module(group: str, name: str) -> None:
    compiled = compiled_with(group, name)
    module: Any = compiled.module("meta").eval()
    shapes = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    assert shapes == compiled.graph.parameters()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = module(torch.empty(1, *compiled.spec.input_shape, device="meta"))
    assert counter.get_total_flops() == compiled.cost.flops
    returned = [compiled.graph.outputs[name] for name in compiled.graph.returned]
    assert [tuple(x.shape[1:]) for x in outputs(output)] == [compiled.graph[name].shape for name in returned]


def outputs(output: Any) -> list[torch.Tensor]:
    """What a module returns: logits, or the maps of a neck."""
    return [output] if isinstance(output, torch.Tensor) else output


@pytest.mark.parametrize(("group", "name"), ALONE)
def test_a_kind_learns(group: str, name: str) -> None:
    assert_learns(compiled_with(group, name))


def assert_learns(compiled: hc.Compilation) -> None:
    """Every parameter gets a gradient, and one that is not zero where there is something to learn."""
    module: Any = compiled.module()
    randomise(module)
    squares = [x.square().sum() for x in outputs(module(torch.randn(2, *compiled.spec.input_shape)))]
    torch.stack(squares).sum().backward()
    for key, parameter in module.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().sum() > 0 or moves_all_scores_alike(compiled, key, len(parameter)), key


def moves_all_scores_alike(compiled: hc.Compilation, key: str, length: int) -> bool:
    """Whether softmax does not see it: a table of one distance, or what makes the scores of one token alone."""
    block, _, part = key.rpartition(".attn.")
    if part.startswith(("query.", "key.")):
        alone = compiled.graph[f"{block}.attn.key"].shape[1] == 1
        return alone and not compiled.graph[f"{block}.attn.attend"].op.across_units  # type: ignore[attr-defined]
    return ".rel_pos." in key and length == 1


@pytest.mark.parametrize(("group", "name"), [variant for variant in EVERY if masks(*variant)])
def test_a_kind_masks(group: str, name: str) -> None:
    compiled = compiled_with(group, name)
    module: Any = compiled.module().eval()
    mask = torch.tensor([[0, 2, 3, 7], [1, 2, 4, 5]])
    if compiled.spec.axes == 2:
        mask = torch.tensor([[0, 1, 2, 3]] * 2)
    with torch.no_grad():
        features = module.features(torch.randn(2, *compiled.spec.input_shape), mask=mask)
    graph = lower(compiled.spec, kept_units=4)
    assert [tuple(x.shape) for x in features] == [(2, *graph[f"features.{n}"].shape) for n in range(len(features))]


@pytest.mark.parametrize(("group", "name"), ALONE)
def test_a_kind_compiles_and_exports_as_one_graph(group: str, name: str) -> None:
    assert_is_one_graph(compiled_with(group, name))


def assert_is_one_graph(compiled: hc.Compilation) -> None:
    """The compiler takes the module in whole, and it is one exported program of any batch, which computes the same."""
    module: Any = compiled.module().eval()
    randomise(module)
    pixels = torch.randn(2, *compiled.spec.input_shape)
    # Strict: the front end of torch.compile reads the Python code, and refuses where its graph would break.
    batch = torch.export.Dim("batch")
    exported = torch.export.export(module, (pixels,), dynamic_shapes=({0: batch},), strict=True)
    others = torch.randn(3, *compiled.spec.input_shape)
    with torch.no_grad():
        torch.testing.assert_close(exported.module()(others), module(others))


@pytest.mark.parametrize("regime", [EAGER_HALF, EAGER_AMP], ids=lambda regime: regime.name)
@pytest.mark.parametrize(("group", "name"), EVERY)
def test_the_kernels_of_a_kind_are_those_that_its_module_calls(group: str, name: str, regime: Regime) -> None:
    assert_kernels_are_those_of_the_module(compiled_with(group, name), regime)


def assert_kernels_are_those_of_the_module(compiled: hc.Compilation, regime: Regime) -> None:
    """The kernel list is the trace of the module, where its primitives state their calls."""
    if names := assumed(compiled.graph):
        pytest.skip(f"no package states the calls of {', '.join(names)}")
    dtype = torch.float16 if regime.weights == "fp16" else torch.float32
    pixels = torch.empty((BATCH, *compiled.spec.input_shape), device="meta", dtype=torch.float16)
    calls = trace(compiled.module("meta", dtype), pixels, autocast=regime.autocast)
    listed = [one for section in kernel_list(compiled.graph, regime) for one in section.kernels.listed]
    assert totals(listed) == pytest.approx(totals([kernel(call, BATCH) for call in calls]))


def totals(kernels: list[Kernel]) -> dict[str, float]:
    """What kernels do together, and how many there are of each sort."""
    found = {name: sum(getattr(one, name) * one.count for one in kernels) for name in ("macs", "moved", "issued")}
    return found | {f"{sort} kernels": sum(one.count for one in kernels if one.kind == sort) for sort in SORTS}


@cache
def chain(attention: str, *pools: str) -> hc.Compilation:
    """A clip whose stages attend by one kind; the first has two blocks, the others one that pools, by these."""
    data = spec_with("pool", pools[0], frames=2)
    (plain, pooled) = data["stages"]
    data["stages"] = [plain | {"depth": 2}, *(pooled | {"pool": VARIANTS["pool"][pool]} for pool in pools)]
    attend(data, attention)
    return compilation(data)


@pytest.mark.parametrize(("attention", "pool"), PAIRS)
def test_every_attention_goes_with_every_pooling(attention: str, pool: str) -> None:
    compiled = chain(attention, pool)
    module: Any = compiled.module("meta").eval()
    assert {key: tuple(value.shape) for key, value in module.state_dict().items()} == compiled.graph.parameters()
    pixels = torch.empty(1, *compiled.spec.input_shape, device="meta")
    with torch.no_grad():
        assert [tuple(x.shape[1:-1]) for x in module.features(pixels)] == [(2, 8, 8), (2, 4, 4)]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(pixels)
    assert counter.get_total_flops() == compiled.cost.flops


@pytest.mark.parametrize("regime", [EAGER_HALF, EAGER_AMP], ids=lambda regime: regime.name)
@pytest.mark.parametrize("kinds", TRACED, ids="-".join)
def test_the_kernels_of_a_pair_are_those_that_its_module_calls(kinds: tuple[str, ...], regime: Regime) -> None:
    assert_kernels_are_those_of_the_module(chain(*kinds), regime)


@pytest.mark.parametrize("kinds", CHAINS, ids="-".join)
def test_every_attention_learns_with_every_pooling(kinds: tuple[str, ...]) -> None:
    assert_learns(chain(*kinds))


@pytest.mark.parametrize("kinds", TRACED, ids="-".join)
def test_every_attention_compiles_and_exports_with_every_pooling(kinds: tuple[str, ...]) -> None:
    assert_is_one_graph(chain(*kinds))


def test_the_groups_are_what_a_spec_chooses_from() -> None:
    fields = [*hc.Spec.model_fields.values()]
    fields += [*Stage.model_fields.values()]
    chosen = {item.group for field in fields for item in field.metadata if isinstance(item, Choice)}
    assert chosen == set(GROUPS)
    assert all(kinds_of(group) for group in GROUPS)
