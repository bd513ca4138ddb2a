"""Kernel lists: what the graph's list says is what a trace of the emitted module on the meta device gives."""

from collections import Counter

import pytest
import torch

import hiera_compiler as hc
from hiera_compiler import Compilation, Graph, ir
from hiera_compiler.estimate.fusion import fuse
from hiera_compiler.estimate.kernel import Kernel, kernel
from hiera_compiler.estimate.kernels import calls_of, kernel_list
from hiera_compiler.estimate.programs import BATCH, PROGRAMS
from hiera_compiler.estimate.regime import COMPILED_HALF, EAGER_AMP, EAGER_HALF, PAPER, REGIMES, Regime
from hiera_compiler.estimate.tape import Call
from hiera_compiler.ir import Op, masking, target
from tests.support.public_packages import hiera_reference
from tests.support.random_specs import RICH_CLIP, RICH_IMAGE, Data
from tests.support.random_specs import compilation as compilation_of
from tests.support.trace import trace

SMALL = {"hiera_t", "hiera_b_16x224", "hiera_t_1024"}
QUANTITIES = ("count", "macs", "moved", "moved_fixed", "issued", "issued_fixed")


def traced(compilation: Compilation, regime: Regime) -> list[Call]:
    dtype = torch.float16 if regime.weights == "fp16" else torch.float32
    pixels = torch.empty((BATCH, *compilation.spec.input_shape), device="meta", dtype=torch.float16)
    return trace(compilation.module("meta", dtype), pixels, autocast=regime.autocast)


def sums(kernels: list[Kernel]) -> dict[str, float]:
    repeated = {name: sum(getattr(k, name) * k.count for k in kernels) for name in QUANTITIES[1:]}
    return repeated | {"count": sum(k.count for k in kernels)}


def of_sections(name: str, regime: Regime) -> list[Kernel]:
    return of_graph(hc.compile(name).graph, regime)


def of_graph(graph: Graph, regime: Regime) -> list[Kernel]:
    return [k for section in kernel_list(graph, regime) for k in section.kernels.listed]


def assert_same(listed: list[Kernel], expected: list[Kernel]) -> None:
    kinds: Counter[str] = Counter()
    for k in listed:
        kinds[k.kind] += int(k.count)
    assert kinds == Counter(k.kind for k in expected)
    assert sums(listed) == pytest.approx(sums(expected))


@pytest.mark.parametrize("regime", [EAGER_HALF, EAGER_AMP], ids=lambda regime: regime.name)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in SMALL else pytest.mark.slow) for name in hc.bundled_specs()]
)
def test_the_list_of_a_shipped_spec_is_the_trace_of_its_module(name: str, regime: Regime) -> None:
    expected = [kernel(call, BATCH) for call in traced(hc.compile(name), regime)]
    assert_same(of_sections(name, regime), expected)


@pytest.mark.parametrize("regime", [EAGER_HALF, EAGER_AMP], ids=lambda regime: regime.name)
@pytest.mark.parametrize("data", [RICH_IMAGE, RICH_CLIP], ids=["image", "clip"])
def test_the_list_of_an_asymmetric_spec_is_the_trace_of_its_module(data: Data, regime: Regime) -> None:
    compilation = compilation_of(data)
    expected = [kernel(call, BATCH) for call in traced(compilation, regime)]
    assert_same(of_graph(compilation.graph, regime), expected)


@pytest.mark.parametrize("regime", [EAGER_HALF, EAGER_AMP], ids=lambda regime: regime.name)
def test_the_list_of_windows_that_are_whole_columns_is_the_trace_of_its_module(regime: Regime) -> None:
    """Their tokens are a view of the grid, which do not lie one behind the other."""
    compilation = hc.compile("swin_t", ["input.size=64", "stages.2.depth=1", "stages.1.attention.window=[8, 1]"])
    expected = [kernel(call, BATCH) for call in traced(compilation, regime)]
    assert_same(of_graph(compilation.graph, regime), expected)


@pytest.mark.parametrize("name", ["hiera_t", "hiera_b_16x224"])
def test_sections_add_up_to_the_whole_tape(name: str) -> None:
    for regime in (PAPER, EAGER_AMP, EAGER_HALF):
        whole = [kernel(call, BATCH) for call in calls_of(hc.compile(name).graph, regime)]
        assert sums(of_sections(name, regime)) == pytest.approx(sums(whole))


def test_sections_of_compiled_code_add_up_but_for_the_seam_after_the_stem() -> None:
    whole = sums(fuse(calls_of(hc.compile("hiera_b").graph, COMPILED_HALF), BATCH))
    listed = sums(of_sections("hiera_b", COMPILED_HALF))
    assert listed["count"] == whole["count"] + 1
    assert listed["macs"] == pytest.approx(whole["macs"])
    assert listed["moved"] == pytest.approx(whole["moved"], rel=0.01)


MAE_OPTIONS = [
    ("hiera_t", []),
    ("hiera_t", ["mae.target=hog", "mae.multi_scale=false"]),
    ("hiera_t", ["input.size=[96, 64]", "mae.norm_target=false", "mae.decoder.depth=1"]),
    ("hiera_b_16x224", ["input.size=[96, 64]", "input.frames=8"]),
    ("hiera_b_16x224", ["input.size=64", "mae.target=hog", "mae.mask_ratio=0.5"]),
    ("hiera_s_abswin_256", ["stages.2.depth=1", "patch.norm=true", "layer_scale=0.1"]),
    ("hiera_t", ["input.size=64", "position=sinusoid", "stages.2.pool=conv"]),
    ("vit_b", ["class_token=false", "head.pooling=mean", "mask_unit=2", "stages.0.depth=1", "position=none"]),
    ("hiera_t", ["input.size=[66, 98]", "patch.padding=2"]),
]


@pytest.mark.parametrize("regime", [EAGER_HALF, EAGER_AMP], ids=lambda regime: regime.name)
@pytest.mark.parametrize(("name", "changes"), MAE_OPTIONS)
def test_the_list_of_a_masked_autoencoder_is_the_trace_of_its_module(
    name: str, changes: list[str], regime: Regime
) -> None:
    """But for the mask that the module gives back, with which it ends: two launches over the mask units."""
    compilation = hc.compile(name, changes, "mae")
    module = compilation.module("meta", torch.float16 if regime.weights == "fp16" else torch.float32)
    pixels = torch.empty((BATCH, *compilation.spec.input_shape), device="meta", dtype=torch.float16)
    kept = torch.empty((BATCH, compilation.graph["decoder_embed"].shape[0]), device="meta", dtype=torch.int64)
    calls = trace(module, pixels, autocast=regime.autocast, run=lambda given: module(given, kept))
    assert [call.name for call in calls[-2:]] == ["scatter", "_to_copy"]
    expected = [kernel(call, BATCH) for call in calls[:-2]]
    assert_same(of_graph(compilation.graph, regime), expected)


def test_sections_of_a_masked_autoencoder_are_named_by_part_and_add_up_but_for_stage_ends_read_twice() -> None:
    graph = hc.compile("hiera_t", task="mae").graph
    names = [section.name for section in kernel_list(graph, COMPILED_HALF)]
    assert list(dict.fromkeys(names)) == ["stem", *(f"stage {n}" for n in range(1, 5)), "fusion", "decoder", "target"]
    whole = sums(fuse(calls_of(graph, COMPILED_HALF), BATCH))
    listed = sums(of_graph(graph, COMPILED_HALF))
    assert listed["count"] == pytest.approx(whole["count"], abs=8)
    assert listed["macs"] == pytest.approx(whole["macs"])
    assert listed["moved"] == pytest.approx(whole["moved"], rel=0.02)


def test_a_trunk_without_a_head_copies_its_maps_and_a_classifier_does_not() -> None:
    trunk, classifier = hc.compile("hiera_t", ["head=none"]).graph, hc.compile("hiera_t").graph
    for regime in (EAGER_HALF, COMPILED_HALF):
        copies, others = (Counter(k.kind for k in of_graph(graph, regime))["copy"] for graph in (trunk, classifier))
        assert copies > others


def test_the_paper_regime_is_the_released_code_without_fused_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the softmax of the released head in evaluation: one launch over the classes."""
    module = hiera_reference().hiera_tiny_224().to("meta")
    monkeypatch.delattr(torch.nn.functional, "scaled_dot_product_attention")
    pixels = torch.empty((BATCH, 3, 224, 224), device="meta", dtype=torch.float16)
    calls = trace(module, pixels, autocast=True)
    released = [call for call in calls[:-1] if call.name != "_to_copy" or not call.reads[0].fixed]
    ours = sums(of_sections("hiera_t", PAPER))
    theirs = sums([kernel(call, BATCH) for call in released])
    assert calls[-1].name == "_softmax"
    assert ours["count"] == theirs["count"]
    assert ours == pytest.approx(theirs, rel=1e-3)


def test_macs_are_those_of_the_cost_in_every_regime() -> None:
    compilation = hc.compile("hiera_s")
    for regime in REGIMES:
        assert sums(of_sections("hiera_s", regime))["macs"] == pytest.approx(compilation.cost.flops / 2)


def test_four_axes_of_attention_are_one_kernel_and_five_are_products_and_a_softmax() -> None:
    fused = Counter(k.kind for k in of_sections("hiera_t", EAGER_HALF))
    math = Counter(k.kind for k in of_sections("hiera_t", PAPER))
    assert fused["attention"] > 0
    assert fused["softmax"] == 0
    assert math["attention"] == 0
    assert math["softmax"] > 0


def test_odd_sequences_make_products_unaligned() -> None:
    scores = [k for k in of_sections("hiera_t", PAPER) if k.growth == "stacks"]
    assert {k.columns: k.alignment for k in scores if k.rows == k.columns} == {64: 8, 16: 8, 196: 4, 49: 1}


def test_samples_are_rows_of_products_with_weights_also_where_places_have_weights_of_their_own() -> None:
    compiled = hc.compile("mvitv2_t", ["input.size=64"])  # 16x16 tokens, queries of one head and 4x4 keys
    first = next(section for section in kernel_list(compiled.graph, EAGER_HALF) if section.name == "stage 1")
    found = [k for k in first.kernels.listed if k.kind == "product" and k.node == "attn.rel_pos"]
    assert [(k.growth, k.stacks, k.rows, k.columns, k.count) for k in found] == [("rows", 16, 16, 4, 2)]


def test_the_compiler_launches_and_moves_less() -> None:
    eager, compiled = (sums(of_sections("hiera_b", regime)) for regime in (EAGER_HALF, COMPILED_HALF))
    assert compiled["count"] < eager["count"]
    assert compiled["moved"] < eager["moved"]
    assert compiled["macs"] == eager["macs"]


def test_equal_blocks_share_one_list() -> None:
    blocks = [section.kernels for section in kernel_list(hc.compile("hiera_l").graph, EAGER_HALF)]
    assert len({id(kernels) for kernels in blocks}) < 15 < len(blocks)


def test_every_primitive_has_a_program() -> None:
    values = [value for module in (ir, masking, target) for value in vars(module).values()]
    primitives = {value for value in values if isinstance(value, type) and issubclass(value, Op)}
    bases = {base for primitive in primitives for base in primitive.__mro__[1:]}
    assert primitives - bases - set(PROGRAMS) == set()
