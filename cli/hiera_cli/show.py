"""`hiera show`: a spec's stages, their cost, and a picture of the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiera_cli.columns import columns
from hiera_cli.files import write
from hiera_cli.options import AsJson, Settings, SpecName
from hiera_cli.output import print_json
from hiera_cli.stages import MACS, cost_data, stage_table

if TYPE_CHECKING:
    from hiera_compiler import Compilation

COUNTS = (
    "For one sample in float32. acts: elements that products and convolutions write, as fvcore counts them, attention\n"
    "matrices included. bytes moved: read and written, weights too, each node one kernel."
)


def show(
    spec: SpecName,
    settings: Settings = None,
    full: Annotated[bool, typer.Option("--full", help="List every node of the graph in place of the picture.")] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write the picture as SVG.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a spec's stages, cost and graph.

    The cost is that of one sample. The picture is the graph folded by stage: blocks that are alike are drawn once.
    """
    from hiera_compiler import compile

    compilation = compile(spec, settings or ())
    if svg is not None:
        from hiera_compiler import picture

        write(svg, picture.svg(compilation.graph))
    if as_json:
        print_json(_data(compilation, full))
    else:
        typer.echo(_text(compilation, full))
    if svg is not None:
        typer.echo(f"wrote {svg}", err=True)


def _text(compilation: Compilation, full: bool) -> str:
    parts = [_headline(compilation), stage_table(compilation.cost), MACS]
    return "\n\n".join([*parts, _nodes(compilation) if full else _picture(compilation)])


def _headline(compilation: Compilation) -> str:
    spec, cost = compilation.spec, compilation.cost
    size = "×".join(map(str, spec.input_shape))
    return f"{spec.name}: input {size}, {cost.params / 1e6:.2f} M parameters, {cost.macs / 1e9:.2f} GMACs"


def _picture(compilation: Compilation) -> str:
    from hiera_compiler import picture

    return picture.text(compilation.graph)


def _data(compilation: Compilation, full: bool) -> dict[str, Any]:
    data = {
        "spec": compilation.spec.data(),
        "hash": compilation.spec.hash,
        "input": list(compilation.spec.input_shape),
        "cost": cost_data(compilation.cost),
    }
    return data | ({"nodes": _node_data(compilation)} if full else {})


def _node_data(compilation: Compilation) -> list[dict[str, Any]]:
    from hiera_compiler.estimate.nodes import costs

    return costs(compilation.graph)


def _nodes(compilation: Compilation) -> str:
    header = ["node", "op", "inputs", "shape", "params", "MACs", "acts", "bytes moved"]
    rows = [
        [
            row["name"],
            row["op"],
            ", ".join(row["inputs"]),
            "x".join(map(str, row["shape"])),
            *(str(row[count]) for count in ("params", "macs", "acts", "bytes_moved")),
        ]
        for row in _node_data(compilation)
    ]
    return f"{columns(header, rows, right=range(3, 8))}\n\n{COUNTS}"
