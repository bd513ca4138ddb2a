"""A text or a file → Source."""

import os
import stat
from pathlib import Path

from hiera_compiler.diagnostics import SpecError, Text
from hiera_compiler.source import file_problems, problems
from hiera_compiler.source.compose import compose
from hiera_compiler.source.limits import MAX_BYTES
from hiera_compiler.source.tree import Node, Source, source_of


def read_text(content: str, name: str) -> Source:
    """A spec from its text; `name` stands for the file in diagnostics.

    YAML 1.2: `no`, `on` and `12:30` are texts, `1e-3` is a number, `014` is 14. `extends` is left as it is.
    Raises SpecError with every problem found.
    """
    return source_of(text_tree(Text(name, content)))


def read_file(path: str | os.PathLike[str]) -> Source:
    """A spec from a file, like `read_text`. Raises SpecError."""
    return source_of(file_tree(os.fspath(path)))


def file_tree(name: str) -> Node:
    """The tree of the one spec in a file. Raises SpecError."""
    content = _bytes(name)
    try:
        return text_tree(Text(name, content.decode()))
    except UnicodeDecodeError as error:
        raise SpecError(file_problems.not_utf8(name, content, error.start)) from None


def text_tree(text: Text) -> Node:
    """The tree of a text that holds one mapping. Raises SpecError."""
    if text.content.startswith("\ufeff"):
        text = Text(text.name, text.content[1:])
    root = compose(text)
    if root is None:
        raise SpecError(problems.empty(text))
    if not isinstance(root.value, dict):
        raise SpecError(problems.not_mapping(root.span, problems.form(root.value)))
    return root


def _bytes(name: str) -> bytes:
    """The content of a regular file of at most MAX_BYTES; anything else is refused before it is read."""
    path = Path(name)
    try:
        # Asked before opening: to open a pipe that nobody writes to would wait for ever.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SpecError(file_problems.not_a_file(name, is_folder=stat.S_ISDIR(status.st_mode)))
        with path.open("rb") as file:
            # One byte more than allowed: some files report a size of 0.
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SpecError(file_problems.unopened(name, error)) from None
    size = max(len(content), status.st_size)
    if size > MAX_BYTES:
        raise SpecError(file_problems.too_large(name, size))
    return content
