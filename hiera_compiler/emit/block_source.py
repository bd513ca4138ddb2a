"""The class of a block in Python, and how what it stands among names and makes its modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from hiera_compiler.emit.writing import call, constructor
from hiera_compiler.ir import Op, Split
from hiera_compiler.ir.blocks import BlockClass, BlockInstance

_LONGEST = 130
"""Characters of a line that is not broken."""


def block_class(block: BlockClass, given: str = "x: Tensor") -> str:
    """The class of a block as text; ``given`` are the arguments of its ``forward``."""
    lines = [f"class {block.name}(nn.Module):"]
    lines += indented([f"def __init__(self{', drop_path: float' if block.drops else ''}) -> None:"])
    lines += indented(["super().__init__()", *attributes((step.name, step.op) for step in block.steps)], 2)
    lines += ["", *indented([f"def forward(self, {given}) -> Tensor:"]), *indented(_statements(block), 2)]
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
                    *indented(["{", *indented(f"{one}," for one in entries), "}"]),
                    ")",
                )


def construction(block: BlockInstance) -> str:
    """The expression that makes a block."""
    rate = "" if block.drop_path is None else f"drop_path={block.drop_path!r}"
    return f"{block.block_class.name}({rate})"


def own(name: str) -> str:
    """The attribute that holds a node's module or parameter."""
    group, _, member = name.partition(".")
    return f'self.{group}["{member}"]' if member else f"self.{group}"


def variable(name: str) -> str:
    """The variable that holds a node's output."""
    return name.replace(".", "_")


def indented(lines: Iterable[str], levels: int = 1) -> Iterator[str]:
    """The lines, so many levels further in; empty ones stay empty."""
    return ("    " * levels + line if line else line for line in lines)
