"""Primitives that other packages bring with their kinds."""

from __future__ import annotations

import re
from abc import ABC
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from hiera_compiler.ir.node import Node
from hiera_compiler.ir.op import Op

Argument = int | float | bool | str | None | tuple["Argument", ...]
"""What may be written into emitted code as a literal."""

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class CustomOp(Op, ABC):
    """A primitive of another package; declaring the class is all that it takes, a kind's ``lower`` adds it.

    ``tensors`` names, as ``module:name``, what computes it: a function, which gets the tensors that the node reads
    and then `arguments` by name, or a class of ``nn.Module``, made with `arguments` and called with the tensors.
    Tensors are batched. The module is read as text, and never imported: an emitted file carries what it calls.
    Weights are the class's parameters, by the names that it has them under.
    """

    tensors: ClassVar[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        reference = getattr(cls, "tensors", None)
        if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
            raise TypeError(f"{cls.__qualname__} needs what computes it, as in tensors = 'package.module:name'")

    def arguments(self) -> dict[str, Argument]:
        """What the function or class gets by name: the fields, unless the primitive says otherwise."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def program(self, tape: Any, node: Node, *inputs: Any) -> Any:
        """The calls that it makes, for predictions, as in ``hiera_compiler.estimate.programs``: optional.

        Without it the primitive is predicted as one kernel that reads and writes its elements once, beside one
        product of as many MACs, and predictions say so.
        """
        raise NotImplementedError
