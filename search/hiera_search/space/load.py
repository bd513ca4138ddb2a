"""What a user names → Space."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike

from hiera_compiler.diagnostics import Diagnostic, SpecError
from hiera_compiler.source import Path, Source, is_hole, load
from hiera_compiler.source.limits import MAX_PROBLEMS
from hiera_compiler.source.tree import Entry, Node, tree_of
from hiera_search.space import name_problems, problems
from hiera_search.space.conditions import TooEntangledError, conditions_of, count
from hiera_search.space.filling import plain
from hiera_search.space.form import form_problems
from hiera_search.space.measure import check_size
from hiera_search.space.reading import Reading
from hiera_search.space.space import Hole, Space
from hiera_search.space.template import Template

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")
_SETTING = "--set"


def load_space(name_or_path: str | PathLike[str], settings: Sequence[str] = ()) -> Space:
    """A space by bundled name or path, with its bases merged and the settings applied.

    A setting may close a hole, as in `stages.0.depth=2` and `let.width=96`, or put another in its place. A spec is
    a space of one point. Raises SpecError with the problems of the file, of its holes, and of the form of every
    option.
    """
    source = load(name_or_path, settings, what="space")
    root, let = _without_let(tree_of(source))
    check_size(root, let)
    reading = Reading(let)
    template = reading.template(root, ())
    _raise(reading.found)
    _raise([*_unused(root, let, reading.names, bool(settings)), *_open_name(root)])
    space = _space(source, template, reading)
    _raise(form_problems(space))
    return space


def _space(source: Source, template: Template, reading: Reading) -> Space:
    sizes = [len(hole.options) for hole in reading.holes.listed]
    conditions = conditions_of(template, reading.names, sizes)
    try:
        points = count(sizes, conditions)
    except TooEntangledError:
        raise SpecError(problems.too_entangled(source.value(()))) from None
    holes = tuple(
        Hole(title, options, tuple(sorted(given.items())))
        for title, options, given in zip(_titles(reading.holes.paths), reading.holes.written, conditions, strict=True)
    )
    return Space(str(source.data.get("name")), source, holes, points, template, reading.names, reading.supports)


def _raise(found: Sequence[Diagnostic]) -> None:
    if found:
        raise SpecError(found[:MAX_PROBLEMS])


def _without_let(tree: Node) -> tuple[Node, Mapping[str, Entry]]:
    """The spec with its holes, and what `let` names. Raises SpecError."""
    assert isinstance(tree.value, dict)
    kept = dict(tree.value)
    entry = kept.pop("let", None)
    root = Node(kept, tree.span)
    if entry is None:
        return root, {}
    named = entry.node.value
    if not isinstance(named, dict) or is_hole(named):
        raise SpecError(name_problems.let_form(entry.node.span, plain(entry.node)))
    wrong = [key for key in named if not isinstance(key, str) or _NAME.fullmatch(key) is None]
    _raise([name_problems.name_form(named[key].key, key) for key in wrong])
    return root, {str(key): inner for key, inner in named.items()}


def _unused(root: Node, let: Mapping[str, Entry], used: Mapping[str, object], has_settings: bool) -> list[Diagnostic]:
    """Names that nothing ties to, and that a setting or a layer above cannot have made so."""
    found = []
    for name, entry in let.items():
        text = entry.key.text
        if name not in used and (text.name == _SETTING or (text is root.span.text and not has_settings)):
            found.append(name_problems.never_used(name, entry.key, used))
    return found


def _open_name(root: Node) -> list[Diagnostic]:
    assert isinstance(root.value, dict)
    entry = root.value.get("name")
    return [name_problems.open_name(entry.node.span)] if entry is not None and is_hole(entry.node.value) else []


def _titles(paths: Sequence[Path]) -> list[str]:
    """What the holes are called: one of `let` by its name, any other by its path."""
    others = {_dotted(path) for path in paths if path[0] != "let"}
    titles = [_dotted(path[1:]) if path[0] == "let" else _dotted(path) for path in paths]
    return [
        f"let.{title}" if path[0] == "let" and title in others else title
        for title, path in zip(titles, paths, strict=True)
    ]


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
