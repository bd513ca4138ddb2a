"""The graph as plain data: every node with its shape and its cost."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hiera_compiler.estimate.cost import node_params
from hiera_compiler.ir import Graph, Node


def node_data(graph: Graph, node: Node) -> dict[str, Any]:
    """A node as plain data; ``shape`` and ``macs`` are those of one sample, ``macs`` as the papers count them."""
    return {
        "name": node.name,
        "op": type(node.op).__name__,
        "attributes": asdict(node.op),
        "inputs": list(node.inputs),
        "shape": list(node.shape),
        "params": node_params(node),
        "macs": node.op.macs(graph.input_shapes(node), node.shape) + node.op.norm_macs(node.shape),
        "origin": list(node.origin),
    }
