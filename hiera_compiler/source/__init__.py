"""Reading specs: YAML text → plain data in which every key and value knows its place."""

from hiera_compiler.source.holes import HOLE_WORDS, is_hole
from hiera_compiler.source.load import load
from hiera_compiler.source.read import read_file, read_text
from hiera_compiler.source.settings import with_settings
from hiera_compiler.source.tree import Located, Path, Source

__all__ = [
    "HOLE_WORDS",
    "Located",
    "Path",
    "Source",
    "is_hole",
    "load",
    "read_file",
    "read_text",
    "with_settings",
]
