from collections import defaultdict
from typing import Any

import pytest

from hiera_compiler.profile.events import Pass, passes

STEP = "ProfilerStep#1"


def host(name: str, start: float, length: float, category: str = "cpu_op", number: int = 0) -> dict[str, Any]:
    args = {"External id": number}
    return {"ph": "X", "cat": category, "name": name, "tid": 1, "ts": start, "dur": length, "args": args}


def kernel(name: str, start: float, length: float, number: int) -> dict[str, Any]:
    return host(name, start, length, "kernel", number) | {"tid": 7}


def note(name: str, start: float, length: float) -> dict[str, Any]:
    return host(name, start, length, "user_annotation")


def only(records: list[dict[str, Any]]) -> Pass:
    (one,) = passes(records)
    return one


def milliseconds(one: Pass, key: str) -> dict[str, Any]:
    found: dict[str, float] = defaultdict(float)
    for event in one.events:
        found[getattr(event, key)] += event.ms
    return {name: pytest.approx(ms) for name, ms in found.items()}


EAGER = [
    note(STEP, 0, 10_000),
    host("aten::conv2d", 100, 900),
    host("aten::convolution", 150, 800),
    note("stage 1: blocks.0", 1_000, 4_000),
    host("aten::linear", 1_500, 2_000),
    host("aten::addmm", 1_600, 1_800),
    host("aten::copy_", 1_700, 300),
    host("aten::matmul", 3_600, 1_000),
    host("aten::reshape", 3_700, 500),
    host("aten::copy_", 3_800, 300),
    host("aten::bmm", 4_300, 200),
    note("stage 2: blocks.1", 5_000, 3_000),
    host("aten::gelu", 5_000, 3_000),
    host("aten::mean", 8_500, 500),
]


def test_all_time_of_a_pass_belongs_to_a_kind() -> None:
    one = only(EAGER)
    assert one.ms == 10.0
    assert sum(event.ms for event in one.events) == pytest.approx(10.0)


def test_an_operator_of_a_kind_is_taken_whole_and_others_in_parts() -> None:
    found = milliseconds(only(EAGER), "kind")
    assert found["linear"] == 2.0  # with the copy inside the product
    assert found["attention"] == 0.2
    assert found["copy"] == 0.3
    assert found["other"] == 0.1 + 0.2 + 0.3  # conv2d's own, reshape's own, matmul's own


def test_time_outside_blocks_is_stem_before_and_head_after_them() -> None:
    found = milliseconds(only(EAGER), "stage")
    assert (found["stem"], found["head"]) == (0.9, 0.5)
    assert found["stage 1"] == 4.0
    assert found["stage 2"] == 3.0
    assert found["between parts"] == 10.0 - 8.4


def test_time_after_a_decoder_is_of_the_loss() -> None:
    decoded = [record | {"name": record["name"].replace("stage 2: ", "decoder: decoder_")} for record in EAGER]
    found = milliseconds(only(decoded), "stage")
    assert (found["decoder"], found["loss"], "head" in found) == (3.0, 0.5, False)


def test_spans_are_the_blocks_from_the_start_of_the_pass() -> None:
    shifted = [record | {"ts": record["ts"] + 5_000_000} for record in EAGER]
    spans = only(shifted).spans
    assert [(span.part, span.start, span.ms) for span in spans] == [("blocks.0", 1.0, 4.0), ("blocks.1", 5.0, 3.0)]


def test_each_step_is_a_pass_of_its_own() -> None:
    second = [record | {"ts": record["ts"] + 20_000} for record in EAGER]
    second[0] = second[0] | {"name": "ProfilerStep#2"}
    first, other = passes(second + EAGER)
    assert milliseconds(first, "kind") == milliseconds(other, "kind")


def test_what_a_compiled_graph_does_outside_products_is_fused() -> None:
    found = milliseconds(
        only(
            [
                note(STEP, 0, 1_000),
                note("stage 1: blocks.0", 0, 1_000),
                host("Torch-Compiled Region: 0/0", 100, 900),
                host("## Call CompiledFxGraph abc ##", 200, 800),
                host("aten::mm", 300, 300),
            ]
        ),
        "kind",
    )
    assert found == {"framework": 0.2, "fused": 0.5, "linear": 0.3}


GPU = [
    note(STEP, 0, 10_000),
    note("stage 1: blocks.0", 0, 500),
    host("aten::linear", 0, 200, number=1),
    host("aten::addmm", 50, 100, number=2),
    host("triton_poi_fused_gelu_0", 300, 100, number=3),
    note("stage 2: blocks.1", 500, 500),
    host("aten::scaled_dot_product_attention", 500, 200, number=4),
    host("aten::_scaled_dot_product_flash_attention", 550, 100, number=5),
    kernel("ampere_gemm", 1_000, 4_000, 2),
    kernel("triton_poi_fused_gelu_0", 5_000, 1_000, 3),
    kernel("flash_fwd_kernel", 6_000, 2_000, 5),
]


def test_on_a_gpu_time_is_that_of_kernels_and_of_waiting() -> None:
    one = only(GPU)
    assert milliseconds(one, "kind") == {"linear": 4.0, "fused": 1.0, "attention": 2.0, "framework": 3.0}
    found = milliseconds(one, "stage")
    assert (found["stage 1"], found["stage 2"]) == (5.0, 2.0)


def test_a_kernel_that_no_operator_launched_belongs_to_none() -> None:
    stray = kernel("memset", 8_000, 500, 0) | {"args": {}}
    nameless = [one | {"args": {}} if one["cat"] == "user_annotation" else one for one in GPU]
    assert milliseconds(only([*nameless, stray]), "kind") == milliseconds(only(GPU), "kind")


def test_on_a_gpu_a_block_lasts_from_its_first_kernel_to_its_last() -> None:
    assert [(span.part, span.start, span.ms) for span in only(GPU).spans] == [
        ("blocks.0", 1.0, 5.0),
        ("blocks.1", 6.0, 2.0),
    ]
