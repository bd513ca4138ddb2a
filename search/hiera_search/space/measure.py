"""How large a space is with its ties written out, before anything recurses over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.source import is_hole
from hiera_compiler.source.tree import Entry, Key, Node
from hiera_search.space import name_problems, problems
from hiera_search.space.limits import MAX_NESTING, MAX_VALUES

_NAMES = ("tie", "times", "over")


def check_size(root: Node, let: Mapping[str, Entry]) -> None:
    """Raise SpecError for ties in a circle, and where ties stand for too many values or too many levels."""
    sizes: dict[str, tuple[int, int]] = {}
    for name in _ordered(let):
        sizes[name] = _checked(let[name].node, sizes)
    _checked(root, sizes)


def _ordered(let: Mapping[str, Entry]) -> list[str]:
    """The names, each after those that it ties to."""
    graph = {name: [other for other in _names(entry.node) if other in let] for name, entry in let.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        # graphlib lists each name before one that depends on it, and the first again at the end.
        names = list(reversed(error.args[1]))[:-1]
        raise SpecError(name_problems.circle(names, [let[name].key for name in names])) from None


def _names(node: Node) -> Iterator[str]:
    waiting = [node]
    while waiting:
        value = waiting.pop().value
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            yield from _tied(value)
            waiting.extend(entry.node for entry in value.values())


def _tied(value: dict[Key, Entry]) -> list[str]:
    """The texts where a hole may have names."""
    if not is_hole(value):
        return []
    words = (value[key].node.value for key in _NAMES if key in value)
    return [word for word in words if isinstance(word, str)]


def _checked(node: Node, sizes: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    size, height = _measured(node, sizes)
    if size > MAX_VALUES or height > MAX_NESTING:
        raise SpecError(problems.too_large(node.span))
    return size, height


def _measured(node: Node, sizes: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """How many values there are at most under one choice, and how many levels deep."""
    value = node.value
    if isinstance(value, list):
        inner = [_measured(item, sizes) for item in value]
        return 1 + sum(size for size, _ in inner), 1 + max((height for _, height in inner), default=0)
    if not isinstance(value, dict):
        return 1, 1
    if not is_hole(value):
        inner = [_measured(entry.node, sizes) for entry in value.values()]
        return 1 + sum(size for size, _ in inner), 1 + max((height for _, height in inner), default=0)
    tied = [sizes[name] for name in _tied(value) if name in sizes]
    options = [_measured(option, sizes) for option in _options(value)]
    size = 1 + sum(size for size, _ in tied) + max((size for size, _ in options), default=0)
    return size, 1 + max((height for _, height in (*tied, *options)), default=0)


def _options(hole: dict[Key, Entry]) -> list[Node]:
    """What a hole chooses among, or has cases for."""
    entry = hole.get("choose") or hole.get("cases")
    value = entry.node.value if entry is not None else None
    if isinstance(value, dict):
        return [inner.node for inner in value.values()]
    return value if isinstance(value, list) else []
