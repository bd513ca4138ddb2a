"""The files that every artifact has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hiera_compiler.estimate.nodes import node_data
from hiera_compiler.ir import Graph
from hiera_compiler.picture import svg
from hiera_compiler.pipeline import Compilation

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

WEIGHTS = "weights.safetensors"


def write_spec(compilation: Compilation, file: Path) -> None:
    """The resolved spec, which stands alone: no bases, no settings, every default written out."""
    import yaml

    spec = compilation.spec
    head = f"# Resolved by `hiera build`: bases, settings and defaults are written out.\n# hash: {spec.hash}\n"
    # By hand would be shorter, but only the library knows what to quote.
    body = yaml.safe_dump(spec.data(), sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)
    file.write_text(head + body, encoding="utf-8")


def write_graph(graph: Graph, file: Path) -> None:
    """Every node of the graph with its shape and cost for one sample."""
    nodes = ",\n  ".join(json.dumps(node_data(graph, node)) for node in graph)
    file.write_text(f'{{"outputs": {json.dumps(graph.outputs)}, "nodes": [\n  {nodes}\n]}}\n', encoding="utf-8")


def write_picture(graph: Graph, file: Path) -> None:
    """The graph as a drawing."""
    file.write_text(svg(graph), encoding="utf-8")


def write_weights(module: nn.Module, file: Path) -> None:
    """The state dict, in the order and with the names of the graph."""
    from safetensors.torch import save_file

    # The library writes files that only their owner can read; the artifact's are as readable as any other.
    file.touch()
    mode = file.stat().st_mode
    tensors = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    # One word only: the library writes several in any order, and equal builds are to give equal files.
    save_file(tensors, file, metadata={"format": "pt"})
    file.chmod(mode)
