"""The text that emitted models stand on: the prelude, and of the other functions those that a model calls."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.resources import files
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any, NamedTuple

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.emit import functions, prelude
from hiera_compiler.ir import Graph
from hiera_compiler.ir.custom import CustomOp
from hiera_compiler.kinds import problems
from hiera_compiler.kinds.packages import package_of

MARKER = "# --- the prelude starts here ---"
_CARRIED = re.compile(r"^# from (?P<module>[\w.]+)\n(?:(?!def |class ).*\n)*(?:def|class) (?P<name>\w+)", re.MULTILINE)
"""A definition of another package, decorators above it, as ``_shown`` writes it."""


class Definition(NamedTuple):
    """A function or class at the top of a file: its text, the names that it uses, and where it stands."""

    text: str
    uses: frozenset[str]
    is_class: bool
    module: str


def prelude_source(model: str = "", graph: Graph | None = None) -> str:
    """The functions that the text of a model calls, as text, with the imports that they need.

    With its graph, those too that compute the primitives of other packages. Raises SpecError where these cannot be
    carried along.
    """
    text = (files("hiera_compiler.emit") / "prelude.py").read_text(encoding="utf-8")
    _docstring, rest = text.split("from __future__", 1)
    imports, shared = rest.split(MARKER, 1)
    called = [f"{definition}\n" for definition in called_functions(model, tensor_modules(graph))]
    return "\n\n".join([f"from __future__{imports.rstrip()}\n", f"{shared.strip()}\n", *called])


def tensor_modules(graph: Graph | None) -> tuple[str, ...]:
    """The modules that compute the primitives of other packages in a graph."""
    found = (node.op.tensors for node in graph or () if isinstance(node.op, CustomOp))
    return tuple(dict.fromkeys(reference.partition(":")[0] for reference in found))


def called_functions(model: str, modules: Sequence[str] = ()) -> list[str]:
    """The texts of the functions beyond the prelude that a model's text calls, and those call in turn.

    They are ours and those of the `modules` of other packages.
    """
    known = definitions()
    for module in modules:
        known = known | definitions_in(module)
    waiting, wanted = list(_names(ast.parse(model)) & set(known)), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(known[name].uses & set(known))
    for name in sorted(wanted):
        if known[name].module in modules:
            _require_carried(name, known, modules)
    return [_shown(definition, modules) for name, definition in known.items() if name in wanted]


def _require_carried(name: str, known: Mapping[str, Definition], modules: Sequence[str]) -> None:
    """Raise SpecError where the function of another package means something else in an emitted file, or nothing."""
    of_prelude, module = vars(prelude), known[name].module
    others = [other for other in modules if other != module and name in definitions_in(other)]
    unknown = global_names(known[name].text) - {*known, *of_prelude, *vars(builtins)}
    if name in of_prelude or name in definitions() or others:
        reason = f"{name} is a name of {others[0] if others else 'the compiler'}'s too"
    elif unknown:
        reason = f"{name} uses {', '.join(sorted(unknown))}, which an emitted file does not have"
    else:
        return
    raise SpecError(problems.not_carried(package_of(module), name, f"{module}:{name}", reason))


def _shown(definition: Definition, modules: Sequence[str]) -> str:
    """The text of a definition, with its origin where it is not ours."""
    return f"# from {definition.module}\n{definition.text}" if definition.module in modules else definition.text


def carried(text: str) -> dict[str, str]:
    """The modules of other packages that functions and classes of an emitted text are from, by their names."""
    return {at["name"]: at["module"] for at in _CARRIED.finditer(text)}


@cache
def definitions() -> dict[str, Definition]:
    """What ``emit.functions`` defines, by name, in the order of its files."""
    return {name: definition for module in _modules() for name, definition in definitions_in(module).items()}


@cache
def definitions_in(module: str) -> dict[str, Definition]:
    """What a module defines at its top, by name, from its text: it is not imported, the packages above it are.

    Raises ImportError where it is not there, and SyntaxError where it is no Python.
    """
    found = find_spec(module)
    loader = found.loader if found is not None else None
    text = loader.get_source(module) if isinstance(loader, InspectLoader) else None
    if text is None:
        raise ImportError(f"there is no module {module} with a text")
    tree = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return {node.name: _definition(text, node, module) for node in tree}


def _definition(text: str, node: ast.FunctionDef | ast.ClassDef, module: str) -> Definition:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    return Definition("\n".join(lines), frozenset(_names(node)), isinstance(node, ast.ClassDef), module)


def global_names(text: str) -> set[str]:
    """The names that a text looks for at the top of its module, in annotations too."""
    found, waiting = set[str](), [symtable.symtable(text, "text", "exec")]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        found |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return found


def namespace() -> dict[str, Any]:
    """What ``emit.functions`` defines, as objects."""
    objects = {name: value for module in _modules() for name, value in vars(import_module(module)).items()}
    return {name: objects[name] for name in definitions()}


def _modules() -> list[str]:
    return [module.name for module in iter_modules(functions.__path__, prefix=f"{functions.__name__}.")]


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
