"""What a checkpoint is, as its shapes tell: its stages, and the bundled specs that it fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import groupby

from hiera_compiler import bundled
from hiera_compiler.ir import Graph, RelativeBias, RelativePosition, Table
from hiera_compiler.lower import lower
from hiera_compiler.source import load
from hiera_compiler.spec import parse

Shapes = Mapping[str, tuple[int, ...]]

TOKENS = ("cls_token", "pos_embed_class", "mask_token")
"""Tables of one row that are no positions of a grid: of another size they are something else."""
_TRUNK = re.compile(
    r"patch_embed\.|pos_embed|cls_token|blocks\.|(?:dist|reg)_token|register_tokens|norm_pre\.|embeddings\.(?!mask_token)"
)


def table_grids(graph: Graph) -> dict[str, tuple[int, ...]]:
    """The grid of every learned table of positions, whose sizes follow those of input and windows, by its name.

    Of relative positions it is that of the offsets: as many as two tokens can lie apart, to both sides, and none.
    """
    grids: dict[str, tuple[int, ...]] = {}
    for node in graph:
        op = node.op
        if isinstance(op, Table):
            if node.name not in TOKENS:
                grids[node.name] = op.grid
        elif isinstance(op, RelativeBias):
            grids |= dict.fromkeys(node.parameters(), tuple(2 * side - 1 for side in op.keys.unit))
        elif isinstance(op, RelativePosition):
            grids |= {name: shape[:1] for name, shape in node.parameters().items()}
    return grids


def norms_tokens(graph: Graph) -> bool:
    """Whether the head norms all tokens and then pools them, and not the other way round."""
    order = [node.name for node in graph if node.part == "head" and node.name in ("norm", "pooled")]
    return order == ["norm", "pooled"]


def fitting_specs(found: Shapes) -> list[str]:
    """The bundled specs whose trunk has exactly these weights; those of the same input size, if there are any."""
    fitting = {
        name: tables for name, (shapes, tables) in _bundled().items() if _trunk(shapes, tables) == _trunk(found, tables)
    }
    of_size = [name for name, tables in fitting.items() if all(found[table] == tables[table] for table in tables)]
    return of_size or list(fitting)


@cache
def _bundled() -> dict[str, tuple[Shapes, Shapes]]:
    """The weights of each bundled spec, and its tables of positions among them."""
    graphs = {name: lower(parse(load(name))) for name in bundled.names()}
    shapes = {name: graph.parameters() for name, graph in graphs.items()}
    return {name: (shapes[name], {at: shapes[name][at] for at in table_grids(graph)}) for name, graph in graphs.items()}


def described(found: Shapes) -> str:
    """The stages of a checkpoint in words: a stage is a run of blocks of one width."""
    widths: list[int] = []
    while (shape := found.get(f"blocks.{len(widths)}.norm2.weight")) is not None:
        widths.append(shape[0] if shape else 0)
    stages = [f"{len(list(blocks))} of {width} channels" for width, blocks in groupby(widths)]
    kernel = found.get("patch_embed.proj.weight", ())
    what = {4: "images", 5: "clips"}.get(len(kernel), "no known input")
    return f"the file holds a model for {what} with blocks in stages: {', '.join(stages) or 'none'}"


def _trunk(shapes: Shapes, tables: Shapes) -> dict[str, tuple[int, ...] | None]:
    """The trunk's weights; of tables of positions only the names, for their sizes follow the input."""
    trunk = (name for name in shapes if name in tables or is_trunk(name))
    return {name: None if name in tables else shapes[name] for name in trunk}


def is_trunk(name: str) -> bool:
    """Whether a key of a checkpoint, renamed, is a weight of patch embedding, position, tokens or blocks.

    So are those of other code bases that no spec has: more tokens beside the class token, and a norm before the blocks.
    """
    return _TRUNK.match(name) is not None
