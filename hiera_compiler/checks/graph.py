"""H4xx: rules on the graph, and what is said where a kind writes primitives that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from hiera_compiler.diagnostics import Diagnostic, Label, code
from hiera_compiler.ir import Graph
from hiera_compiler.ir.builder import LoweringError
from hiera_compiler.source import Source

MAX_PARAMETERS = 20_000_000_000
"""Learned values of a model; Hiera-H has 0.67 G."""


@code("H401")
def lowering_failed(error: LoweringError, source: Source) -> Diagnostic:
    """Two primitives of the graph do not fit each other.

    The form and the rules let the spec pass, so the kind chosen at the place shown wrote primitives whose
    shapes do not meet. With a kind of your own, look at its `lower`; with ours, it is our bug.
    """
    return Diagnostic(
        "H401",
        error.message,
        (Label(source.value(error.origin), f"lowered to node {error.node}"),),
        help="choose another kind here, or report this spec to us if the kind is ours",
    )


@code("H312")
def block_refused(error: LoweringError, source: Source) -> Diagnostic:
    """A block cannot be what its stage asks for, though each of its choices could be had with others.

    Whether they go together depends on the tokens that reach the block. Windows are pooled one by one, so their sides
    must be multiples of the stride, and a window must keep the same part of its tokens as the grid. Queries must be
    pooled to as many tokens as the skip connection, and keys and values to one at least. A skip of maximum and mean
    has twice the channels that enter.
    """
    assert error.help is not None, "what a kind refuses it says how to mend"
    whose = "the first block of a stage attends like the stage before it, unless the stage says first_attention: own"
    return Diagnostic(
        "H312",
        error.message,
        (Label(source.value(error.origin), f"asked for by {error.node}"),),
        error.help,
        (whose,) if ".attn." in error.node else (),
    )


@code("H402")
def parameters_are_limited(graph: Graph, source: Source) -> Iterator[Diagnostic]:
    """A model may have at most 20 G parameters: 80 GB in float32, 30 times the largest published Hiera."""
    count = graph.parameter_count
    if count > MAX_PARAMETERS:
        largest = max(graph, key=lambda node: sum(prod(shape) for shape in node.parameters().values()))
        yield Diagnostic(
            "H402",
            f"the model would have {count / 1e9:.1f} G parameters, and the limit is {MAX_PARAMETERS / 1e9:.0f} G",
            (Label(source.value(largest.origin), "the largest weights are here"),),
            help="use fewer channels, fewer blocks or a smaller mlp_ratio"
            if largest.block
            else "use a smaller size here, or fewer channels",
        )


GRAPH_RULES = (parameters_are_limited,)
