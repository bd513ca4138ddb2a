"""The graph as plain data: every node with its shape and its cost."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from hiera_compiler.estimate.cost import counts_by, node_params
from hiera_compiler.estimate.counts import ELEMENT_BYTES, NOTHING, bytes_moved
from hiera_compiler.ir import Graph, Node, Op


def node_data(graph: Graph, node: Node) -> dict[str, Any]:
    """A node as plain data; ``shape`` and ``macs`` are those of one sample, ``macs`` as the papers count them."""
    return {
        "name": node.name,
        "op": type(node.op).__name__,
        "attributes": _attributes(node.op),
        "inputs": list(node.inputs),
        "shape": list(node.shape),
        "params": node_params(node),
        "macs": node.op.macs(graph.input_shapes(node), node.shape) + node.op.norm_macs(node.shape),
        "origin": list(node.origin),
    }


def _attributes(op: Op) -> dict[str, Any]:
    """The attributes of a primitive, those at their default left out."""
    defaults = {field.name: field.default for field in fields(op)}
    return {name: value for name, value in asdict(op).items() if value != defaults[name]}


def costs(graph: Graph) -> list[dict[str, Any]]:
    """Every node as plain data with all that ``hiera_compiler.estimate`` counts, for one sample in float32."""
    counted, width = counts_by(graph, lambda node: node.name), ELEMENT_BYTES["float32"]
    rows = []
    for node in graph:
        counts = counted.get(node.name, NOTHING)
        cost = {"flops": counts.flops, "acts": counts.acts, "bytes_moved": bytes_moved(counts, 1, width)}
        rows.append(node_data(graph, node) | cost)
    return rows
