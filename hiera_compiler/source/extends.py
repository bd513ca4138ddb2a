"""`extends`: a spec laid over the spec it names."""

import os
from dataclasses import replace
from pathlib import Path

from hiera_compiler import bundled
from hiera_compiler.diagnostics import Diagnostic, Label, Span, SpecError, code, did_you_mean, quoted
from hiera_compiler.source.limits import MAX_EXTENDS
from hiera_compiler.source.merge import merge
from hiera_compiler.source.names import exists, near_file, shown
from hiera_compiler.source.problems import form
from hiera_compiler.source.read import file_tree
from hiera_compiler.source.tree import Node


def extended_tree(name: str) -> Node:
    """The tree of a file with everything that it extends, and without the key `extends`. Raises SpecError."""
    links = [name]
    tree, link = _without_extends(file_tree(name))
    layers = [tree]
    while link is not None:
        base = _base_of(link, links)
        tree, following = _without_extends(_base_tree(base, link))
        layers.append(tree)
        links.append(base)
        link = following
    found: list[Diagnostic] = []
    merged = layers.pop()
    while layers:
        merged = merge(merged, layers.pop(), found)
    if found:
        raise SpecError(found)
    return merged


@code("H020")
def not_a_name(link: Node) -> Diagnostic:
    """`extends` does not name a spec.

    It takes one bundled name, as in `extends: hiera_b`, or one path relative to the file, as in `extends:
    base.yaml`.
    """
    label = Label(link.span, f"this is {form(link.value)}")
    return Diagnostic("H020", "'extends' names one spec", (label,), "write a name or a path: extends: hiera_b")


@code("H021")
def no_base(span: Span, word: str, near: str | None) -> Diagnostic:
    """The base of a spec does not exist.

    Paths in `extends` are relative to the file that holds them; names are those that `hiera specs` lists.
    """
    suggestion = f"did you mean {quoted(near)}? " if near else ""
    help = f"{suggestion}`hiera specs` lists the names"
    return Diagnostic("H021", f"no spec {quoted(word)} to extend", (Label(span),), help)


@code("H022")
def cycle(span: Span, links: list[str]) -> Diagnostic:
    """Specs extend each other in a circle.

    Following `extends` from one spec to the next came back to a spec already seen.
    """
    road = " -> ".join(links)
    return Diagnostic("H022", "the spec extends itself", (Label(span),), notes=(f"{road} -> {links[0]}",))


@code("H023")
def too_long(span: Span) -> Diagnostic:
    """Too many specs extend each other.

    A chain of `extends` may have 8 bases; a longer one hides where a value comes from.
    """
    message = f"more than {MAX_EXTENDS} specs extend each other"
    return Diagnostic("H023", message, (Label(span),), "extend a base nearer to the start of the chain")


def _without_extends(tree: Node) -> tuple[Node, Node | None]:
    assert isinstance(tree.value, dict)
    kept = dict(tree.value)
    entry = kept.pop("extends", None)
    return Node(kept, tree.span), entry.node if entry else None


def _base_of(link: Node, links: list[str]) -> str:
    """The file that `extends` names, checked against the chain so far."""
    word = link.value
    if not isinstance(word, str) or not word:
        raise SpecError(not_a_name(link))
    folder = Path(links[-1]).parent
    file = bundled.path(word)
    name = shown(file) if file else os.path.normpath(folder / word)
    if not exists(name):
        sibling = near_file(str(folder / word))
        near = (
            os.path.relpath(sibling, folder) if sibling else did_you_mean(word, [*bundled.names(), *bundled.spaces()])
        )
        raise SpecError(no_base(link.span, word, near))
    real = [os.path.realpath(other) for other in links]
    if os.path.realpath(name) in real:
        raise SpecError(cycle(link.span, links[real.index(os.path.realpath(name)) :]))
    if len(links) > MAX_EXTENDS:
        raise SpecError(too_long(link.span))
    return name


def _base_tree(name: str, link: Node) -> Node:
    try:
        return file_tree(name)
    except SpecError as error:
        note = f"{link.span.text.name}:{link.span.line} extends it"
        raise SpecError(replace(d, notes=(*d.notes, note)) for d in error.diagnostics) from None
