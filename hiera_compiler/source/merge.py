"""A spec over its base: mappings merge, scalars and lists replace."""

from hiera_compiler.diagnostics import Diagnostic, Label, Span, code, quoted
from hiera_compiler.source.holes import is_hole
from hiera_compiler.source.tree import Entry, Key, Node, Scalar


def merge(base: Node, over: Node, found: list[Diagnostic]) -> Node:
    """`over` laid over `base`; each value keeps the place it came from. Problems are added to `found`.

    A mapping with whole numbers as keys picks items of a base list. A mapping with another `kind` than the
    base replaces it, because the options of one kind mean nothing to another. A hole is one value: it replaces
    what is below it, and is replaced by what is above it.
    """
    below, above = base.value, over.value
    if is_hole(below) or is_hole(above):
        return over
    if isinstance(below, list) and isinstance(above, dict) and any(isinstance(key, int) for key in above):
        return _merge_items(below, above, over.span, found)
    if isinstance(above, dict):
        below = spelled_out(base)
    if not isinstance(below, dict) or not isinstance(above, dict) or _kind(above) not in (None, _kind(below)):
        return over
    merged = dict(below)
    for key, entry in above.items():
        held = merged.get(key)
        merged[key] = entry if held is None else Entry(entry.key, merge(held.node, entry.node, found))
    return Node(merged, over.span)


def spelled_out(node: Node) -> Scalar | list[Node] | dict[Key, Entry]:
    """The value of a node, with a bare word as the mapping it is short for: `max` is `{kind: max}`."""
    if isinstance(node.value, str):
        return {"kind": Entry(node.span, node)}
    return node.value


@code("H024")
def no_item(span: Span, key: Key, length: int) -> Diagnostic:
    """A list has no such item.

    `stages: {2: {depth: 18}}` in a spec that extends another, and `--set stages.2.depth=18`, pick the items
    of a list by number. The first item is 0, and items are not added this way: give the whole list instead.
    """
    items = f"{length} items" if length != 1 else "1 item"
    message = f"the list has {items} and no item {quoted(key)}"
    help = f"pick an item from 0 to {length - 1}, or give the whole list" if length else "give the whole list"
    return Diagnostic("H024", message, (Label(span),), help)


def _merge_items(items: list[Node], above: dict[Key, Entry], span: Span, found: list[Diagnostic]) -> Node:
    merged = list(items)
    for key, entry in above.items():
        if isinstance(key, int) and 0 <= key < len(items):
            merged[key] = merge(items[key], entry.node, found)
        else:
            found.append(no_item(entry.key, key, len(items)))
    return Node(merged, span)


def _kind(mapping: dict[Key, Entry]) -> object:
    return mapping["kind"].node.value if "kind" in mapping else None
