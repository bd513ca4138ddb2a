"""A primitive in Python, whoever brought it: ours by their rules, those of other packages by what they declare."""

from __future__ import annotations

from collections.abc import Iterable

from hiera_compiler.emit import custom
from hiera_compiler.emit.masked_rules import CALLS, CONSTRUCTORS
from hiera_compiler.ir import Op
from hiera_compiler.ir.custom import CustomOp


def constructor(op: Op) -> str | None:
    """The expression that makes the module, or the parameter, of a primitive; None where it has none."""
    if isinstance(op, CustomOp):
        return custom.constructor(op)
    make = CONSTRUCTORS.get(type(op))
    return None if make is None else make(op)


def call(op: Op, own: str, inputs: Iterable[str]) -> str:
    """The expression that computes a primitive, from its own attribute and its inputs' variables."""
    if isinstance(op, CustomOp):
        return custom.call(op, own, *inputs)
    return CALLS[type(op)](op, own, *inputs)
