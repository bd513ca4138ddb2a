"""Spec to graph: the only place that knows what a Hiera looks like."""

from hiera_compiler.lower.blocks import Block, Flow, Style, stage_blocks
from hiera_compiler.lower.decoder import decoder_blocks, decoder_style
from hiera_compiler.lower.hiera import lower, unit_layout
from hiera_compiler.lower.mae import encoder_of, fused_stages, lower_mae, predicted_op
from hiera_compiler.lower.parts import (
    ENTRY,
    EXIT,
    HELD,
    KEPT,
    Part,
    block_part,
    fusion_part,
    head_part,
    map_part,
    masked_tokens,
    neck_part,
    prediction_part,
    stem_part,
    target_part,
    tokens_part,
)

__all__ = [
    "ENTRY",
    "EXIT",
    "HELD",
    "KEPT",
    "Block",
    "Flow",
    "Part",
    "Style",
    "block_part",
    "decoder_blocks",
    "decoder_style",
    "encoder_of",
    "fused_stages",
    "fusion_part",
    "head_part",
    "lower",
    "lower_mae",
    "map_part",
    "masked_tokens",
    "neck_part",
    "predicted_op",
    "prediction_part",
    "stage_blocks",
    "stem_part",
    "target_part",
    "tokens_part",
    "unit_layout",
]
