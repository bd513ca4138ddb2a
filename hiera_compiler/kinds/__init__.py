"""Kinds: what a spec may choose. One file in a group's folder is one choice.

A kind is one pydantic class: its fields are the options, its docstring the documentation, and its
``lower`` writes the primitives. Shapes, cost, module, schema and search choices follow from those.
Other packages add kinds through the entry point group ``hiera_compiler.kinds``: the entry's name is the
group (``attention``, ``pool``, ...), its value a package whose modules are listed like our own.
"""

from hiera_compiler.kinds.choice import Choice
from hiera_compiler.kinds.discovery import GROUPS, kinds_of
from hiera_compiler.kinds.extent import Extent, expand_extents, extents
from hiera_compiler.kinds.form import Form, Kind
from hiera_compiler.kinds.roles import Activation, Attention, BlockContext, Neck, Normalization, Pooling, Position

__all__ = [
    "GROUPS",
    "Activation",
    "Attention",
    "BlockContext",
    "Choice",
    "Extent",
    "Form",
    "Kind",
    "Neck",
    "Normalization",
    "Pooling",
    "Position",
    "expand_extents",
    "extents",
    "kinds_of",
]
