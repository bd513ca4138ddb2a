"""`hiera show`: a spec's stages, their cost, and a picture of the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiera_cli.columns import columns
from hiera_cli.files import write
from hiera_cli.options import AsJson, Settings, SpecName
from hiera_cli.output import print_json
from hiera_cli.stages import MACS, cost_data, released, stage_table

if TYPE_CHECKING:
    from hiera_compiler import Compilation

PICTURES = frozenset({".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".pdf"})
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
    mae: Annotated[bool, typer.Option("--mae", help="Show the masked autoencoder that pretrains the spec.")] = False,
    image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --mae: a picture, to be masked and reconstructed.", show_default=False),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --image: the checkpoint that reconstructs it.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="With --image: the PNG to write; by default NAME_mae.png."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="With --image: draws the mask units to drop.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show a spec's stages, cost and graph.

    The cost is that of one sample. The picture is the graph folded by stage: blocks that are alike are drawn once.
    With --image the original, what the encoder sees of it, and the reconstruction are written side by side.
    """
    from hiera_compiler import compile

    if image is not None and not (mae and weights):
        raise typer.BadParameter("--image needs --mae and --weights")
    if image is not None and (full or svg):
        raise typer.BadParameter("--image goes without --full and --svg")
    if image is None and (weights or output):
        raise typer.BadParameter("--weights and --output need --image")
    compilation = compile(spec, settings or (), "mae" if mae else "classify")
    if image is not None and weights is not None:
        _reconstruct(compilation, Path(spec), image, weights, output, seed, as_json)
        return
    if svg is not None:
        from hiera_compiler import picture

        _require_apart("--svg", svg, Path(spec))
        _require_suffix("--svg", svg, ".svg")
        write(svg, picture.svg(compilation.graph))
    if as_json:
        print_json(_data(compilation, full))
    else:
        typer.echo(_text(compilation, full))
    if svg is not None:
        typer.echo(f"wrote {svg}", err=True)


def _require_suffix(option: str, file: Path, suffix: str) -> None:
    """Raise BadParameter for a name that promises a picture of another format than will be written."""
    if file.suffix.lower() in PICTURES - {suffix}:
        other = file.with_suffix(suffix).name
        raise typer.BadParameter(f"{file.name} would hold {suffix[1:].upper()}: call it {other}", param_hint=option)


def _require_apart(option: str, written: Path, *read: Path) -> None:
    """Raise BadParameter where the file to write is one of those that are read."""
    if any(written.resolve() == file.resolve() and file.exists() for file in read):
        raise typer.BadParameter(f"{written} is read, and would be replaced", param_hint=option)


def _reconstruct(
    compilation: Compilation, spec: Path, image: Path, weights: Path, output: Path | None, seed: int, as_json: bool
) -> None:
    from hiera_compiler.artifact.reconstruction import reconstruction

    file = output or Path(f"{compilation.spec.name}_mae.png")
    _require_apart("-o", file, spec, image, weights)
    _require_suffix("-o", file, ".png")
    picture, report = reconstruction(compilation, image, weights, seed)
    write(file, picture)
    if as_json:
        print_json({"file": str(file), "weights": report.lines()})
    else:
        typer.echo("\n".join([*report.lines(), f"wrote {file}: original, masked, reconstruction"]))


def _text(compilation: Compilation, full: bool) -> str:
    as_released = {compilation.name: compilation.released_cost.macs} if compilation.task == "mae" else {}
    parts = [_headline(compilation), stage_table(compilation.cost), *released(as_released), MACS]
    return "\n\n".join([*parts, _nodes(compilation) if full else _picture(compilation)])


def _headline(compilation: Compilation) -> str:
    spec, cost = compilation.spec, compilation.cost
    size = "×".join(map(str, spec.input_shape))
    return f"{spec.name}: input {size}, {cost.params / 1e6:.2f} M parameters, {cost.macs / 1e9:.2f} GMACs"


def _picture(compilation: Compilation) -> str:
    from hiera_cli.front_table import room
    from hiera_compiler import picture

    return picture.text(compilation.graph, room())


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
