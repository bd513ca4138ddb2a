"""The text that emitted models stand on: the prelude, and of the other functions those that a model calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from typing import Any, NamedTuple

from hiera_compiler.emit import functions

MARKER = "# --- the prelude starts here ---"


class Definition(NamedTuple):
    """A function or class of ``emit.functions``: its text, and the names that it uses."""

    text: str
    uses: frozenset[str]


def prelude_source(model: str = "") -> str:
    """The functions that the text of a model calls, as text, with the imports that they need."""
    text = (files("hiera_compiler.emit") / "prelude.py").read_text(encoding="utf-8")
    _docstring, rest = text.split("from __future__", 1)
    imports, prelude = rest.split(MARKER, 1)
    called = [f"{definition}\n" for definition in called_functions(model)]
    return "\n\n".join([f"from __future__{imports.rstrip()}\n", f"{prelude.strip()}\n", *called])


def called_functions(model: str) -> list[str]:
    """The texts of the functions beyond the prelude that a model's text calls, and those call in turn."""
    known = definitions()
    waiting, wanted = list(_names(ast.parse(model)) & set(known)), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(known[name].uses & set(known))
    return [definition.text for name, definition in known.items() if name in wanted]


@cache
def definitions() -> dict[str, Definition]:
    """What ``emit.functions`` defines, by name, in the order of its files."""
    return {name: definition for module in _modules() for name, definition in _defined_in(module)}


def namespace() -> dict[str, Any]:
    """What ``emit.functions`` defines, as objects."""
    objects = {name: value for module in _modules() for name, value in vars(import_module(module)).items()}
    return {name: objects[name] for name in definitions()}


def _modules() -> list[str]:
    return [module.name for module in iter_modules(functions.__path__, prefix=f"{functions.__name__}.")]


def _defined_in(module: str) -> Iterator[tuple[str, Definition]]:
    package, _, name = module.rpartition(".")
    text = (files(package) / f"{name}.py").read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, Definition(ast.get_source_segment(text, node) or "", frozenset(_names(node)))


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
