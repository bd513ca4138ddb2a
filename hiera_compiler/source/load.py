"""What a user names → Source: bundled names, files, `extends` and settings."""

import os
from collections.abc import Sequence
from typing import Literal

from hiera_compiler import bundled
from hiera_compiler.diagnostics import Diagnostic, SpecError
from hiera_compiler.source.extends import extended_tree
from hiera_compiler.source.file_problems import not_found
from hiera_compiler.source.names import exists, is_path, shown
from hiera_compiler.source.settings import Setting, changed, parsed
from hiera_compiler.source.tree import Node, Source, source_of


def load(spec: str | os.PathLike[str], settings: Sequence[str] = (), what: Literal["spec", "space"] = "spec") -> Source:
    """A spec by bundled name or path, with its bases merged and the settings applied.

    A bundled name wins over a file of that name; `./name` is always a path. Raises SpecError with the
    problems of the file and of the settings, which say `what` was asked for.
    """
    found: list[Diagnostic] = []
    ready: list[Setting] = []
    tree: Node | None = None
    try:
        ready = parsed(settings)
    except SpecError as error:
        found.extend(error.diagnostics)
    try:
        tree = extended_tree(_file_of(spec, what))
    except SpecError as error:
        found.extend(error.diagnostics)
    if found or tree is None:
        raise SpecError(found)
    return source_of(changed(tree, ready))


def _file_of(spec: str | os.PathLike[str], what: Literal["spec", "space"]) -> str:
    if not isinstance(spec, str):
        return os.fspath(spec)
    file = bundled.path(spec)
    if file is not None:
        return shown(file)
    if is_path(spec) or exists(spec):
        return spec
    raise SpecError(not_found(spec, what))
