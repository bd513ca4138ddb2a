"""`--set stages.2.depth=18`: values changed from the command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hiera_compiler.diagnostics import Diagnostic, Label, Span, SpecError, Text, code, quoted
from hiera_compiler.source.compose import compose
from hiera_compiler.source.limits import MAX_DEPTH
from hiera_compiler.source.merge import no_item, spelled_out
from hiera_compiler.source.problems import form, span_at
from hiera_compiler.source.tree import Entry, Key, Node, Source, source_of, tree_of

_PART = re.compile(r"\w[\w-]*")
_EXAMPLE = "write it as stages.2.depth=18"


@dataclass(frozen=True)
class Setting:
    """A path, part by part with its place, and the value to put there."""

    parts: tuple[tuple[str, Span], ...]
    value: Node


def with_settings(source: Source, settings: Sequence[str]) -> Source:
    """The source with each setting applied in order. Raises SpecError with the problems of all."""
    return source_of(changed(tree_of(source), parsed(settings)))


def parsed(settings: Sequence[str]) -> list[Setting]:
    """The settings as typed. Raises SpecError with the problems of all."""
    read: list[Setting] = []
    found: list[Diagnostic] = []
    for setting in settings:
        try:
            read.append(_parsed(Text("--set", setting)))
        except SpecError as error:
            found.extend(error.diagnostics)
    if found:
        raise SpecError(found)
    return read


def changed(tree: Node, settings: Sequence[Setting]) -> Node:
    """The tree with each setting applied in order. Raises SpecError with the problems of all."""
    found: list[Diagnostic] = []
    for setting in settings:
        try:
            tree = _assigned(tree, setting, 0)
        except SpecError as error:
            found.extend(error.diagnostics)
    if found:
        raise SpecError(found)
    return tree


@code("H030")
def malformed(span: Span, problem: str) -> Diagnostic:
    """A setting is not of the form PATH=VALUE.

    The path is keys and item numbers joined by dots, the value is YAML: `--set stages.2.depth=18`,
    `--set 'pool={kind: max, stride: 2}'`. To set a value to nothing, write `null`; an empty text is `''`.
    """
    return Diagnostic("H030", problem, (Label(span),), _EXAMPLE)


@code("H031")
def no_inside(span: Span, node: Node) -> Diagnostic:
    """A setting reaches into a value that has no parts.

    A path goes through mappings, lists and bare words that are short for a kind. Numbers, booleans and null
    have nothing inside.
    """
    found = form(node.value)
    labels = (Label(span), Label(node.span, f"this is {found}"))
    return Diagnostic("H031", f"{found} has nothing inside to set", labels, "set the value as a whole")


@code("H032")
def sets_extends(span: Span) -> Diagnostic:
    """A setting cannot change the base.

    Settings apply to the spec with its bases already merged. To build on another base, name it in place of
    the spec.
    """
    return Diagnostic("H032", "'extends' cannot be set", (Label(span),), "give the other base as the spec")


def _parsed(text: Text) -> Setting:
    path, sign, _ = text.content.partition("=")
    if not sign:
        raise SpecError(malformed(span_at(text, 0, max(1, len(path))), "the setting has no '='"))
    parts: list[tuple[str, Span]] = []
    start = 0
    for part in path.split("."):
        span = span_at(text, start, start + max(1, len(part)))
        if _PART.fullmatch(part) is None:
            problem = f"{quoted(part)} is not a key" if part else "a key is missing here"
            raise SpecError(malformed(span, problem))
        parts.append((part, span))
        start += len(part) + 1
    if len(parts) > MAX_DEPTH:
        raise SpecError(malformed(parts[MAX_DEPTH][1], f"the path has more than {MAX_DEPTH} keys"))
    if parts[0][0] == "extends":
        raise SpecError(sets_extends(parts[0][1]))
    value = compose(text, start)
    if value is None:
        raise SpecError(malformed(span_at(text, start, start + 1), "the setting has no value"))
    return Setting(tuple(parts), value)


def _assigned(node: Node, setting: Setting, depth: int) -> Node:
    if depth == len(setting.parts):
        return setting.value
    part, span = setting.parts[depth]
    last = depth == len(setting.parts) - 1
    value = spelled_out(node)
    if isinstance(value, list):
        index = int(part) if re.fullmatch("[0-9]{1,9}", part) else len(value)
        if index >= len(value):
            raise SpecError(no_item(span, part, len(value)))
        items = list(value)
        items[index] = _assigned(items[index], setting, depth + 1)
        return Node(items, node.span)
    if not isinstance(value, dict):
        raise SpecError(no_inside(span, node))
    key: Key = next((key for key in value if str(key) == part), part)
    held = value.get(key) or Entry(span, Node({}, span))
    entry = Entry(span if last else held.key, _assigned(held.node, setting, depth + 1))
    # A bare word becomes a mapping through the setting, and so it is shown there if it may not be one.
    return Node({**value, key: entry}, span if isinstance(node.value, str) else node.span)
