"""The graph of a masked autoencoder to Python: one class, whose parts may be called by themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from textwrap import indent
from typing import NamedTuple

from hiera_compiler.emit.source import attributes, block_class, construction, input_check, own, variable
from hiera_compiler.emit.writing import call, hiding
from hiera_compiler.ir import Graph, Input, KeepUnits, Node
from hiera_compiler.ir.blocks import BlockInstance, Step, share_blocks
from hiera_compiler.ir.masking import LastTokens, MaskedTokens, masking

_FORWARD = '''\
def forward(self, pixels: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The loss, what was predicted and what was to be: `[batch, masked tokens, values]`; and the mask.

    ``mask`` keeps some mask units only: true where a unit is kept, ``[batch, units]``, or, for compiled and
    exported code, the kept units' ascending indices ``[batch, kept]``. Without it {kept} of {units} units are drawn
    for each sample. Masked tokens are in raster order. The mask that comes back is boolean.
    """
    kept = chosen_units(mask, pixels, {units}, {kept})
    prediction = self.decode(self.encode(pixels, kept), kept)
    target = self.targets(pixels, kept)
    loss = {loss}
    return loss, prediction, target, visible_units(kept, {units})'''


class _Method(NamedTuple):
    """A method that computes one output of the graph from others."""

    head: str
    doc: str
    before: tuple[str, ...]
    output: str


_METHODS = (
    _Method(
        "encode(self, pixels: Tensor, kept: Tensor)",
        "What the decoder is given of the kept mask units: `[batch, kept, tokens, channels]`.",
        (),
        "latent",
    ),
    _Method(
        "decode(self, latent: Tensor, kept: Tensor)",
        "What the masked tokens are predicted to hold: `[batch, masked tokens, values]`.",
        ("latent",),
        "prediction",
    ),
    _Method(
        "targets(self, pixels: Tensor, kept: Tensor)",
        "What the masked tokens hold: `[batch, masked tokens, values]`.",
        (),
        "target",
    ),
)


def autoencoder_source(graph: Graph, name: str, summary: str) -> str:
    """The classes of a masked autoencoder, without the preludes that they call; ``summary`` becomes its docstring."""
    blocks = share_blocks(graph)
    classes = {block.block_class.name: block.block_class for block in blocks}
    parts = [block_class(block, f"x: Tensor{', seen: int' * _takes_last(block.steps)}") for block in classes.values()]
    parts.append("\n".join(_model_class(graph, blocks, name, summary)))
    return "\n\n\n".join(parts) + "\n"


def _model_class(graph: Graph, blocks: list[BlockInstance], name: str, summary: str) -> Iterator[str]:
    outside = [node for node in graph if node.block is None]
    lines = ["super().__init__()", *attributes((node.name, node.op) for node in outside)]
    for group, members in groupby(blocks, key=lambda block: block.name.rpartition(".")[0]):
        lines += [f"self.{group} = nn.ModuleList(", "    ["]
        lines += [*(f"        {construction(block)}," for block in members), "    ]", ")"]
    lines.append("initialise_autoencoder(self)")
    yield f"class {name}(nn.Module):"
    yield f'    """{summary}"""\n'
    yield "    def __init__(self) -> None:"
    yield indent("\n".join(lines), " " * 8)
    for method in _METHODS:
        yield "\n" + indent("\n".join(_method(graph, method)), " " * 4)
    yield "\n" + indent(_forward(graph), " " * 4)


def _forward(graph: Graph) -> str:
    loss = graph[graph.outputs["loss"]]
    masked, error = masking(graph), call(loss.op, "", ("prediction", "target"))
    return _FORWARD.format(kept=masked.kept, units=masked.units, loss=error)


def _method(graph: Graph, method: _Method) -> Iterator[str]:
    before = graph.needed_for(*method.before)
    needed = graph.needed_for(method.output) - before
    nodes = [node for node in graph if node.name in needed and not isinstance(node.op, Input)]
    lines = [input_check(graph)] * ("pixels" in method.head)
    if any(isinstance(node.op, MaskedTokens) for node in nodes):
        layout = masking(graph).layout
        lines.append(f"masked = masked_places(kept, {layout.units}, {layout.folds})")
    if _takes_last(nodes):
        lines.append("seen = latent.shape[1] * latent.shape[2]")
    if any(isinstance(node.op, KeepUnits) for node in nodes):
        lines.append(hiding(graph))
    variables = {graph.outputs[name]: name for name in method.before}
    lines += _assignments(nodes, variables)
    yield f"def {method.head} -> Tensor:"
    yield f'    """{method.doc}"""'
    yield indent("\n".join([*lines, f"return {_read(variables, nodes[-1].name)}"]), " " * 4)


def _assignments(nodes: Sequence[Node], variables: dict[str, str]) -> Iterator[str]:
    """The nodes as assignments, and runs of blocks as loops; ``variables`` gets the names that differ."""
    runs, current = _runs(nodes), ""
    for run, group in groupby(nodes, key=lambda node: runs.get(node.block)):
        members = list(group)
        last = members[-1]
        if run is None:
            for node in members:
                inputs = (_read(variables, parent) for parent in node.inputs)
                yield f"{variable(node.name)} = {call(node.op, own(node.name), inputs)}"
            continue
        inside = {node.name for node in members}
        given = next(parent for parent in members[0].inputs if parent not in inside)
        module, start = _place(members[0])
        end = _place(last)[1] + 1
        if given != current:
            yield f"x = {_read(variables, given)}"
        if _takes_last(members):
            yield f"x = self.{module}[{start}](x, seen)"
        else:
            yield f"for block in self.{module}[{start}:{end}]:"
            yield "    x = block(x)"
        current, variables[last.name] = last.name, "x"
        if any(last.name in node.inputs for node in nodes if node.block is None):  # later: then x is another
            variables[last.name] = f"{module}_to_{end}"
            yield f"{variables[last.name]} = x"


def _runs(nodes: Sequence[Node]) -> dict[str | None, int]:
    """The run of each block, by a number. A block runs on where it alone reads what the one before it gives.

    One that needs more than tokens is a run of its own.
    """
    blocks = {node.name: node.block for node in nodes}
    readers: dict[str, set[str | None]] = defaultdict(set)
    for node in nodes:
        for parent in node.inputs:
            if blocks.get(parent) != node.block or node.block is None:
                readers[parent].add(node.block)
    alone = {node.block for node in nodes if _takes_last([node])}
    runs: dict[str | None, int] = {}
    for parent, read_by in readers.items():
        for block in read_by - {None}:
            before = None if block in alone else blocks.get(parent)
            runs[block] = runs[before] if before is not None and len(read_by) == 1 else len(runs)
    return runs


def _takes_last(steps: Iterable[Node | Step]) -> bool:
    """Whether it must be known how many tokens were seen."""
    return any(isinstance(step.op, LastTokens) for step in steps)


def _place(node: Node) -> tuple[str, int]:
    """The list that a node's block is in, and its index there."""
    module, _, index = (node.block or "").rpartition(".")
    return module, int(index)


def _read(variables: Mapping[str, str], name: str) -> str:
    return variables.get(name, variable(name))
