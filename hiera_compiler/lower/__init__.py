"""Spec to graph: the only place that knows what a Hiera looks like."""

from hiera_compiler.lower.blocks import Block, Flow, Style, stage_blocks
from hiera_compiler.lower.hiera import lower, unit_layout
from hiera_compiler.lower.mae import encoder_of, lower_mae
from hiera_compiler.lower.parts import ENTRY, EXIT, Part, block_part, head_part, map_part, neck_part, stem_part

__all__ = [
    "ENTRY",
    "EXIT",
    "Block",
    "Flow",
    "Part",
    "Style",
    "block_part",
    "encoder_of",
    "head_part",
    "lower",
    "lower_mae",
    "map_part",
    "neck_part",
    "stage_blocks",
    "stem_part",
    "unit_layout",
]
