"""Writing a graph, one primitive after another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from hiera_compiler.ir.graph import Graph
from hiera_compiler.ir.node import Node, SpecPath
from hiera_compiler.ir.op import Op, Shape, ShapeError


@dataclass(frozen=True)
class Value:
    """The output of a node, to be read by later nodes."""

    name: str
    shape: Shape

    @property
    def channels(self) -> int:
        return self.shape[-1]


class LoweringError(Exception):
    """A primitive does not fit where a kind put it; ``origin`` is the place in the spec that asked for it.

    With ``help`` a kind refuses on purpose what was asked of it, and says what it would take.
    """

    def __init__(self, message: str, node: str, origin: SpecPath, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.node = node
        self.origin = origin
        self.help = help


class GraphBuilder:
    """Collects nodes; ``block`` and ``origin`` set the name prefix and the spec's place of what follows."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._ops: dict[Op, Op] = {}
        self._outputs: dict[str, str] = {}
        self._origin: SpecPath = ()
        self._block: str | None = None

    def add(self, name: str, op: Op, *inputs: Value) -> Value:
        """Append a primitive and return its output; raises LoweringError where shapes do not fit."""
        full_name = f"{self._block}.{name}" if self._block else name
        if full_name in self._nodes:
            raise ValueError(f"two nodes are named {full_name}")
        op = self._ops.setdefault(op, op)  # equal primitives are one object, which makes finding equal blocks cheap
        try:
            shape = op.infer(*(value.shape for value in inputs))
        except ShapeError as error:
            raise LoweringError(str(error), full_name, self._origin) from error
        names = tuple(value.name for value in inputs)
        self._nodes[full_name] = Node(full_name, op, names, shape, self._origin, self._block)
        return Value(full_name, shape)

    def refuse(self, name: str, message: str, help: str, at: str | None = None) -> NoReturn:
        """Raise LoweringError: what was asked for here, by the key `at` if one is named, cannot be built."""
        origin = self._origin if at is None else (*self._origin, at)
        raise LoweringError(message, f"{self._block}.{name}" if self._block else name, origin, help)

    def output(self, name: str, value: Value) -> None:
        """Name a value as an output of the graph."""
        self._outputs[name] = value.name

    @contextmanager
    def origin(self, *path: str | int) -> Iterator[None]:
        """Nodes added inside remember this place in the spec."""
        before, self._origin = self._origin, path
        yield
        self._origin = before

    @contextmanager
    def block(self, name: str) -> Iterator[None]:
        """Nodes added inside are named below ``name`` and belong to that block."""
        before, self._block = self._block, name
        yield
        self._block = before

    def graph(self) -> Graph:
        """The finished graph."""
        return Graph(self._nodes, self._outputs)
