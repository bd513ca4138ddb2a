"""Primitives of other packages in Python: the name of what computes them, and literals.

Nothing that a user wrote becomes code: the name is that of the installed package, and a text is written as a text.
"""

from __future__ import annotations

from math import isfinite
from typing import NoReturn

from torch import nn

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.emit.library import Definition, definitions_in
from hiera_compiler.ir import Graph, Shape
from hiera_compiler.ir.custom import CustomOp
from hiera_compiler.kinds import problems
from hiera_compiler.kinds.packages import package_of


def constructor(op: CustomOp) -> str | None:
    """The expression that makes its module; None where a function computes it. Raises SpecError where neither does."""
    name = op.tensors.partition(":")[2]
    return f"{name}({', '.join(_arguments(op))})" if _definition(op).is_class else None


def call(op: CustomOp, own: str, *inputs: str) -> str:
    """The expression that computes it."""
    if _definition(op).is_class:
        return f"{own}({', '.join(inputs)})"
    return f"{op.tensors.partition(':')[2]}({', '.join([*inputs, *_arguments(op)])})"


def require_weights(module: nn.Module, graph: Graph) -> None:
    """Raise SpecError where a primitive lists other weights than what computes it has in the module."""
    theirs = [(node, node.op) for node in graph if isinstance(node.op, CustomOp)]
    own = {name: tuple(value.shape) for name, value in module.named_parameters()} if theirs else {}
    for node, op in theirs:
        listed = node.parameters()
        found = {name: shape for name, shape in own.items() if name.startswith(f"{node.name}.")}
        for name in sorted(listed.keys() | found.keys()):
            if listed.get(name) != found.get(name):
                _refuse_weight(op, name.removeprefix(f"{node.name}."), listed.get(name), found.get(name))


def _refuse_weight(op: CustomOp, weight: str, listed: Shape | None, found: Shape | None) -> NoReturn:
    kind, shapes = type(op), [str(list(shape)) if shape is not None else "none" for shape in (listed, found)]
    package = package_of(kind.__module__)
    raise SpecError(problems.other_weights(package, kind.__name__, op.tensors, weight, *shapes))


def _definition(op: CustomOp) -> Definition:
    module, _, name = op.tensors.partition(":")
    try:
        known = definitions_in(module)
    except Exception as error:  # noqa: BLE001 - whatever the code of a package raises when its folder is looked for
        _refuse(op, f"{module} cannot be read: {problems.reason_of(error)}")
    if name not in known:
        _refuse(op, f"{module} defines no function or class {name}")
    return known[name]


def _arguments(op: CustomOp) -> list[str]:
    return [f"{name}={_literal(op, name, value)}" for name, value in op.arguments().items()]


def _literal(op: CustomOp, name: str, value: object) -> str:
    """A value as Python text that stands for itself."""
    if type(value) is tuple:
        items = [_literal(op, name, item) for item in value]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if value is None or type(value) in (bool, int, str) or (type(value) is float and isfinite(value)):
        return repr(value)
    return _refuse(op, f"its argument {name} is of type {type(value).__name__}, not a number, a word or a tuple")


def _refuse(op: CustomOp, reason: str) -> NoReturn:
    kind = type(op)
    raise SpecError(problems.not_carried(package_of(kind.__module__), kind.__name__, op.tensors, reason))
