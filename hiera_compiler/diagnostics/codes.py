"""Codes and their explanations: the docstring of the function that makes a diagnostic is its page."""

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_makers: dict[str, Callable[..., Any]] = {}


def code(name: str) -> Callable[[Function], Function]:
    """A decorator that makes a function's docstring the explanation of the code `name`.

    Raises ValueError for a code that another function has, one not of the form H000, and a missing docstring.
    """
    if re.fullmatch(r"H\d{3}", name) is None:
        raise ValueError(f"a code is H and three digits, not {name!r}")

    def register(function: Function) -> Function:
        other = _makers.get(name)
        if other is not None and _identity(other) != _identity(function):
            raise ValueError(f"{name} already belongs to {_identity(other)}")
        # python -OO drops docstrings: then the codes still work, without their pages.
        if not function.__doc__ and sys.flags.optimize < 2:
            raise ValueError(f"{_identity(function)} needs a docstring: it is the explanation of {name}")
        _makers[name] = function
        return function

    return register


def explanation(name: str) -> str:
    """The explanation of one code; its first line is the title. Raises KeyError for an unknown code."""
    return inspect.cleandoc(_makers[name].__doc__ or name)


def codes() -> Mapping[str, str]:
    """Each known code with its title, in order."""
    return {name: explanation(name).splitlines()[0] for name in sorted(_makers)}


def _identity(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
