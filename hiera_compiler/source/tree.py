"""Plain data in which every key and value knows its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hiera_compiler.diagnostics import Span

Key: TypeAlias = str | int
Path: TypeAlias = tuple[str | int, ...]
Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Located:
    """The places of one entry; list items and the whole have no key."""

    key: Span | None
    value: Span


@dataclass(frozen=True)
class Source:
    """Plain data (dicts, lists, scalars) with the place of every key and value by path."""

    data: Any
    places: Mapping[Path, Located]

    def key(self, path: Path) -> Span:
        """The place of a key; of a list item, its value. Of an absent path, the nearest ancestor's."""
        located = self._nearest(path)
        return located.key or located.value

    def value(self, path: Path) -> Span:
        """The place of a value; of an absent path, the nearest ancestor's."""
        return self._nearest(path).value

    def _nearest(self, path: Path) -> Located:
        path = tuple(path)
        while path not in self.places and path:
            path = path[:-1]
        return self.places[path]


@dataclass(frozen=True)
class Entry:
    """One key of a mapping with its value."""

    key: Span
    node: "Node"


@dataclass(frozen=True)
class Node:
    """A value and its place. Nodes may share children and are never changed."""

    value: Scalar | list["Node"] | dict[Key, Entry]
    span: Span


def source_of(root: Node) -> Source:
    """A tree as plain data and places; shared nodes become separate data."""
    places: dict[Path, Located] = {}

    def visit(node: Node, key: Span | None, path: Path) -> Any:
        places[path] = Located(key, node.span)
        if isinstance(node.value, dict):
            return {name: visit(entry.node, entry.key, (*path, name)) for name, entry in node.value.items()}
        if isinstance(node.value, list):
            return [visit(item, None, (*path, index)) for index, item in enumerate(node.value)]
        return node.value

    return Source(visit(root, None, ()), places)


def tree_of(source: Source) -> Node:
    """The tree of a source."""

    def visit(data: Any, path: Path) -> Node:
        span = source.value(path)
        if isinstance(data, Mapping):
            return Node(
                {name: Entry(source.key((*path, name)), visit(value, (*path, name))) for name, value in data.items()},
                span,
            )
        if isinstance(data, list | tuple):
            return Node([visit(item, (*path, index)) for index, item in enumerate(data)], span)
        return Node(data, span)

    return visit(source.data, ())
