"""Graph to Python: one readable file that needs only torch.

The text is what ``hiera build --emit python`` writes and also what this package itself runs, so the two
cannot differ.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from math import prod

from hiera_compiler.emit import prelude
from hiera_compiler.emit.library import definitions, definitions_in, tensor_modules
from hiera_compiler.emit.writing import call, constructor, hiding
from hiera_compiler.ir import Graph, Input, KeepUnits, Op, Split, ToUnits
from hiera_compiler.ir.blocks import BlockClass, BlockInstance, share_blocks

_LONGEST = 130
"""Characters of a line that is not broken."""
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


def block_class(block: BlockClass, given: str = "x: Tensor") -> str:
    """The class of a block as text; ``given`` are the arguments of its ``forward``."""
    lines = [f"class {block.name}(nn.Module):"]
    lines += _indent([f"def __init__(self{', drop_path: float' if block.drops else ''}) -> None:"])
    lines += _indent(["super().__init__()", *attributes((step.name, step.op) for step in block.steps)], 2)
    lines += ["", *_indent([f"def forward(self, {given}) -> Tensor:"]), *_indent(_statements(block), 2)]
    return "\n".join(lines)


def _statements(block: BlockClass) -> Iterator[str]:
    """The steps of a block as assignments, the last one as what it returns."""
    variables = {"x": "x"} | {step.name: variable(step.name) for step in block.steps}
    for _, group in groupby(block.steps, key=lambda step: step.inputs if isinstance(step.op, Split) else step):
        steps = list(group)
        inputs = [variables[name] for name in steps[0].inputs]
        if [step.op for step in steps] == _all_parts(steps[0].op):
            # All parts by one call: in training its gradient then is written once, and not once for each part.
            yield f"{', '.join(variables[step.name] for step in steps)} = {inputs[0]}.chunk({len(steps)}, dim=-1)"
            continue
        for step in steps:
            expression = call(step.op, own(step.name), inputs)
            yield f"return {expression}" if step is block.steps[-1] else f"{variables[step.name]} = {expression}"


def _all_parts(op: Op) -> list[Op]:
    """The splits that give all parts of what one of them gives a part of; none for another primitive."""
    return [replace(op, index=index) for index in range(op.parts)] if isinstance(op, Split) else []


def attributes(primitives: Iterable[tuple[str, Op]]) -> Iterator[str]:
    """Assignments for the modules of primitives named with at most one dot: those below one name share a ModuleDict."""
    groups: dict[str, dict[str, str]] = {}
    for name, op in primitives:
        group, _, member = name.partition(".")
        if (made := constructor(op)) is not None:
            groups.setdefault(group, {})[member] = made
    for group, constructors in groups.items():
        if "" in constructors:
            yield f"self.{group} = {constructors['']}"
        else:
            entries = [f'"{name}": {text}' for name, text in constructors.items()]
            line = f"self.{group} = nn.ModuleDict({{{', '.join(entries)}}})"
            if len(line) <= _LONGEST:
                yield line
            else:
                yield from (
                    f"self.{group} = nn.ModuleDict(",
                    *_indent(["{", *_indent(f"{one}," for one in entries), "}"]),
                    ")",
                )


def _model_class(graph: Graph, blocks: list[BlockInstance], name: str, summary: str) -> Iterator[str]:
    outside = [node for node in graph if node.block is None]
    yield f"class {name}(nn.Module):"
    yield from _indent([f'"""{summary}"""', "", "def __init__(self) -> None:"])
    yield from _indent(["super().__init__()", *attributes((node.name, node.op) for node in outside)], 2)
    yield from _indent(["self.blocks = nn.ModuleList("], 2)
    yield from _indent(["["], 3)
    yield from _indent((f"{construction(block)}," for block in blocks), 4)
    yield from _indent(["]"], 3)
    yield from _indent([")"], 2)
    head = own("head.projection") if "logits" in graph.outputs else "None"
    yield from _indent([f"initialise(self, head={head})"], 2)
    yield ""
    yield from _indent(_stages_method(graph, blocks))
    yield ""
    yield from _indent(_features_method(graph))
    yield ""
    if graph.listed("pyramid"):
        yield from _indent(_pyramid_method(graph))
        yield ""
    yield from _indent(_forward_method(graph))


def construction(block: BlockInstance) -> str:
    """The expression that makes a block."""
    rate = "" if block.drop_path is None else f"drop_path={block.drop_path!r}"
    return f"{block.block_class.name}({rate})"


def _stages_method(graph: Graph, blocks: list[BlockInstance]) -> Iterator[str]:
    masks = _masks(graph)
    yield f"def stages(self, pixels: Tensor{_MASK if masks else ''}) -> list[Tensor]:"
    yield from _indent(['"""Window-major tokens `[batch, units, tokens, channels]` at the end of every stage."""'])
    lines = [input_check(graph)]
    if masks:
        units = next(prod(node.op.layout.units) for node in graph if isinstance(node.op, ToUnits))
        lines += [f"kept = None if mask is None else kept_by(mask, pixels, {units}, {units})"]
        lines += [hiding(graph)]
    stem = [node.name for node in graph if node.part == "stem"]
    lines += _assignments(graph, stem[1:])
    lines += [f"x = {variable(stem[-1])}", "ends = []"]
    start = 0
    for _, group in groupby(blocks, key=lambda block: block.stage):
        count = len(list(group))
        lines += [f"for block in self.blocks[{start}:{start + count}]:", *_indent(["x = block(x)"]), "ends.append(x)"]
        start += count
    yield from _indent([*lines, "return ends"])


def input_check(graph: Graph) -> str:
    """The statement that refuses pixels of another shape."""
    return f"require_input(pixels, {next(node.shape for node in graph if isinstance(node.op, Input))})"


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
    yield from _indent([*doc, *body, "return [", *_indent(f"{call}," for call in calls), "]"])


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
    yield from _indent([*lines, f"return [{returned}]"])


def _forward_method(graph: Graph) -> Iterator[str]:
    if "logits" not in graph.outputs and graph.listed("pyramid"):
        yield "def forward(self, pixels: Tensor) -> list[Tensor]:"
        yield from _indent(['"""The maps of the neck; this model has no head."""', "return self.pyramid(pixels)"])
        return
    if "logits" not in graph.outputs:
        yield "def forward(self, pixels: Tensor) -> list[Tensor]:"
        yield from _indent(['"""The map of every stage; this trunk has no head."""', "return self.features(pixels)"])
        return
    yield "def forward(self, pixels: Tensor) -> Tensor:"
    head = [node.name for node in graph if node.origin[0] == "head"]
    lines = ['"""Logits `[batch, classes]`."""', "x = self.stages(pixels)[-1]"]
    lines += _assignments(graph, head, {graph.outputs["tokens"]: "x"})
    yield from _indent([*lines, f"return {variable(head[-1])}"])


def _assignments(graph: Graph, names: list[str], known: dict[str, str] | None = None) -> Iterator[str]:
    variables = known or {}
    for name in names:
        node = graph[name]
        inputs = (variables.get(parent, variable(parent)) for parent in node.inputs)
        yield f"{variable(name)} = {call(node.op, own(name), inputs)}"


def own(name: str) -> str:
    """The attribute that holds a node's module or parameter."""
    group, _, member = name.partition(".")
    return f'self.{group}["{member}"]' if member else f"self.{group}"


def variable(name: str) -> str:
    """The variable that holds a node's output."""
    return name.replace(".", "_")


def _indent(lines: Iterable[str], levels: int = 1) -> Iterator[str]:
    return ("    " * levels + line if line else line for line in lines)
