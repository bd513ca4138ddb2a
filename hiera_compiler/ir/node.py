"""A node: a primitive at a place."""

from __future__ import annotations

from dataclasses import dataclass

from hiera_compiler.ir.op import Op, Shape

SpecPath = tuple[str | int, ...]
"""A place in the spec, such as ``("stages", 2)``."""


_PRETRAINING: dict[str | int, str] = {"multi_scale": "fusion", "decoder": "decoder", "target": "target"}


@dataclass(frozen=True)
class Node:
    """A primitive at a place: its name is the path of its parameters in the reference's checkpoints."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape
    origin: SpecPath
    block: str | None

    @property
    def stage(self) -> int | None:
        """The index of the stage that the node belongs to; none in the stem and the head."""
        return int(self.origin[1]) if self.origin[0] == "stages" else None

    @property
    def part(self) -> str:
        """The part of the model that it is in: ``stem``, ``stage 1``, ..., ``neck``, ``head``, or of pretraining."""
        if self.stage is not None:
            return f"stage {self.stage + 1}"
        if self.origin[0] == "mae":
            return _PRETRAINING[self.origin[1]]
        return str(self.origin[0]) if self.origin[0] in ("neck", "head") else "stem"

    def parameters(self) -> dict[str, Shape]:
        """Parameter shapes by their full name in the state dict."""
        return {f"{self.name}.{key}" if key else self.name: shape for key, shape in self.op.weights().items()}
