"""A graph as a picture, folded by stage: blocks that are alike are drawn once."""

from hiera_compiler.picture.svg import svg
from hiera_compiler.picture.text import text

__all__ = ["svg", "text"]
