"""Graph to Python: one readable file that needs only torch.

The text is what ``hiera build --emit python`` writes and also what this package itself runs, so the two
cannot differ.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from itertools import groupby

from hiera_compiler.emit import prelude
from hiera_compiler.emit.block_source import attributes, block_class, construction, indented, own, variable
from hiera_compiler.emit.given import hiding, input_check, mask_check
from hiera_compiler.emit.library import definitions, definitions_in, tensor_modules
from hiera_compiler.emit.writing import call
from hiera_compiler.ir import Graph, KeepUnits
from hiera_compiler.ir.blocks import BlockInstance, share_blocks

_TAKEN = re.compile(r"Stage\d+(Block|Transition)\d*")


def class_name(spec_name: str, graph: Graph | None = None) -> str:
    """The class of a spec: ``hiera_b_16x224`` gives ``HieraB16x224``.

    A name that means something else in the emitted file (``Tensor``, ``None``, ...) gets ``Model`` at its end; some
    depend on which primitives of other packages the graph has.
    """
    name = "".join(word[:1].upper() + word[1:] for word in re.split(r"[_.-]+", spec_name))
    known = (vars(prelude), vars(builtins), definitions(), *map(definitions_in, tensor_modules(graph)))
    is_taken = any(name in names for names in known) or _TAKEN.fullmatch(name)
    return f"{name}Model" if is_taken else name


def module_source(graph: Graph, name: str, summary: str) -> str:
    """The classes of a model, without the prelude that they call; ``summary`` becomes its docstring."""
    blocks = share_blocks(graph)
    classes = {block.block_class.name: block.block_class for block in blocks}
    parts = [block_class(block) for block in classes.values()]
    parts.append("\n".join(_model_class(graph, blocks, class_name(name, graph), summary)))
    return "\n\n\n".join(parts) + "\n"


def _model_class(graph: Graph, blocks: list[BlockInstance], name: str, summary: str) -> Iterator[str]:
    outside = [node for node in graph if node.block is None]
    yield f"class {name}(nn.Module):"
    yield from indented([f'"""{summary}"""', "", "def __init__(self) -> None:"])
    yield from indented(["super().__init__()", *attributes((node.name, node.op) for node in outside)], 2)
    yield from indented(["self.blocks = nn.ModuleList("], 2)
    yield from indented(["["], 3)
    yield from indented((f"{construction(block)}," for block in blocks), 4)
    yield from indented(["]"], 3)
    yield from indented([")"], 2)
    head = own("head.projection") if "logits" in graph.outputs else "None"
    yield from indented([f"initialise(self, head={head})"], 2)
    yield ""
    yield from indented(_stages_method(graph, blocks))
    yield ""
    yield from indented(_features_method(graph))
    yield ""
    if graph.listed("pyramid"):
        yield from indented(_pyramid_method(graph))
        yield ""
    yield from indented(_forward_method(graph))


def _stages_method(graph: Graph, blocks: list[BlockInstance]) -> Iterator[str]:
    masks = _masks(graph)
    yield f"def stages(self, pixels: Tensor{_MASK if masks else ''}) -> list[Tensor]:"
    yield from indented(['"""Window-major tokens `[batch, units, tokens, channels]` at the end of every stage."""'])
    lines = [input_check(graph), *([mask_check(graph), hiding(graph)] if masks else [])]
    stem = [node.name for node in graph if node.part == "stem"]
    lines += _assignments(graph, stem[1:])
    lines += [f"x = {variable(stem[-1])}", "ends = []"]
    start = 0
    for _, group in groupby(blocks, key=lambda block: block.stage):
        count = len(list(group))
        lines += [f"for block in self.blocks[{start}:{start + count}]:", *indented(["x = block(x)"]), "ends.append(x)"]
        start += count
    yield from indented([*lines, "return ends"])


_MASK = ", mask: Tensor | None = None"


def _masks(graph: Graph) -> bool:
    """Whether the model has mask units to keep."""
    return any(isinstance(node.op, KeepUnits) for node in graph)


def _features_method(graph: Graph) -> Iterator[str]:
    masks = _masks(graph)
    yield f"def features(self, pixels: Tensor{_MASK if masks else ''}) -> list[Tensor]:"
    doc = ['"""The map of every stage in spatial order, channels last, not normalised."""']
    if masks:
        doc = [
            '"""The map of every stage in spatial order, channels last, not normalised.',
            "",
            "``mask`` keeps some mask units only: true where a unit is kept, ``[batch, units]``, or, for",
            "compiled and exported code, the kept units' ascending indices ``[batch, kept]``. Maps then are",
            "``[batch, kept, *unit, channels]``, and where all units are kept, whole.",
            '"""',
        ]
    maps = graph.listed("features")
    calls = [_nested(graph, name, f"ends[{index}]") for index, name in enumerate(maps)]
    body = [f"ends = self.stages(pixels{', mask' if masks else ''})"]
    yield from indented([*doc, *body, "return [", *indented(f"{call}," for call in calls), "]"])


def _nested(graph: Graph, name: str, end: str) -> str:
    """The expression of a node outside the blocks, from the end of its stage."""
    node = graph[name]
    inputs = (end if graph[parent].block is not None else _nested(graph, parent, end) for parent in node.inputs)
    return call(node.op, own(name), inputs)


def _pyramid_method(graph: Graph) -> Iterator[str]:
    neck = [node.name for node in graph if node.part == "neck"]
    maps = graph.listed("features")
    read = {parent for name in neck for parent in graph[name].inputs}
    lines = ['"""The maps of the neck, finest first, channels last."""', "ends = self.stages(pixels)"]
    for index, name in enumerate(maps):
        if name in read:
            lines.append(f"{variable(name)} = {_nested(graph, name, f'ends[{index}]')}")
    lines += _assignments(graph, neck)
    yield "def pyramid(self, pixels: Tensor) -> list[Tensor]:"
    returned = ", ".join(map(variable, graph.listed("pyramid")))
    yield from indented([*lines, f"return [{returned}]"])


def _forward_method(graph: Graph) -> Iterator[str]:
    if "logits" not in graph.outputs and graph.listed("pyramid"):
        yield "def forward(self, pixels: Tensor) -> list[Tensor]:"
        yield from indented(['"""The maps of the neck; this model has no head."""', "return self.pyramid(pixels)"])
        return
    if "logits" not in graph.outputs:
        yield "def forward(self, pixels: Tensor) -> list[Tensor]:"
        yield from indented(['"""The map of every stage; this trunk has no head."""', "return self.features(pixels)"])
        return
    yield "def forward(self, pixels: Tensor) -> Tensor:"
    head = [node.name for node in graph if node.origin[0] == "head"]
    lines = ['"""Logits `[batch, classes]`."""', "x = self.stages(pixels)[-1]"]
    lines += _assignments(graph, head, {graph.outputs["tokens"]: "x"})
    yield from indented([*lines, f"return {variable(head[-1])}"])


def _assignments(graph: Graph, names: list[str], known: dict[str, str] | None = None) -> Iterator[str]:
    variables = known or {}
    for name in names:
        node = graph[name]
        inputs = (variables.get(parent, variable(parent)) for parent in node.inputs)
        yield f"{variable(name)} = {call(node.op, own(name), inputs)}"
