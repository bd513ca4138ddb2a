"""A compiled figure is one of full graphs alone, or none is given and the reason said."""

from typing import Any

import pytest
import torch
from torch._inductor.exc import InductorError, InvalidCxxCompiler

from hiera_compiler.profile import compiled
from hiera_compiler.profile.compiled import full_graphs
from hiera_compiler.profile.record import Protocol
from hiera_compiler.profile.session import measure
from tests.hiera_compiler.profile.test_session import refused, subject


def test_compiling_switched_off_is_no_compiled_figure(protocol: Protocol) -> None:
    with torch._dynamo.config.patch(disable=True), refused("H514") as texts:
        measure([subject()], regime="compiled", protocol=protocol)
    assert "switched off" in texts[0]


def test_the_probe_of_compiling_does_not_wear_out() -> None:
    assert all(compiled.compiles_at_all() for _ in range(20))


def test_what_is_no_full_graph_is_no_compiled_figure() -> None:
    def breaks(x: torch.Tensor) -> torch.Tensor:
        torch._dynamo.graph_break()
        return x + 1

    with refused("H514") as texts, full_graphs("broken"):
        torch.compile(breaks, fullgraph=True, backend="eager")(torch.zeros(2))
    assert texts[1] == "measure it with --regime eager"


MISSING = [
    (InvalidCxxCompiler(), "there is no C++ compiler here"),
    (
        RuntimeError("Failed to find C compiler. Please specify via CC"),
        "there is no C compiler, which Triton needs here",
    ),
]


@pytest.mark.parametrize(("error", "reason"), MISSING)
def test_a_missing_compiler_is_said_in_our_words(error: Exception, reason: str) -> None:
    with refused("H514") as texts, full_graphs("model"):
        raise InductorError(error, None)
    assert texts[0] == f"'model' cannot be compiled: {reason}"
    assert "apt install g++" in texts[1]


def test_more_batches_than_the_usual_recompile_limit_stay_compiled() -> None:
    graphs: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    doubled = torch.compile(lambda x: x * 2, fullgraph=True, dynamic=False, backend=backend)
    with full_graphs("doubled"):
        for batch in range(1, 13):
            doubled(torch.zeros(batch))
    assert len(graphs) == 12
