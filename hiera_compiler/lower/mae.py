"""The masked autoencoder of a spec, written as primitives (Hiera, section 3; Masked Autoencoders, He et al. 2022)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import NamedTuple

from hiera_compiler.checks.mae import HOG_CELL, kept_units, predicted
from hiera_compiler.ir import Add, Graph, Linear, Op, Table, ToGrid, ToUnits, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.masking import (
    Gradients,
    MaskedTokens,
    Patches,
    PlaceUnits,
    SquaredError,
    Standardise,
    UnitConv,
)
from hiera_compiler.kinds.attention.global_attention import GlobalAttention
from hiera_compiler.lower.blocks import Block, Flow, Style, lower_block
from hiera_compiler.lower.hiera import lower
from hiera_compiler.lower.selection import Copy
from hiera_compiler.spec import Spec

HOG_BINS = 9
"""The directions of MaskFeat's histograms (Wei et al. 2022), which Hiera's Table 3c compares with pixels."""


def lower_mae(spec: Spec, early: bool = True) -> Graph:
    """The graph of a spec's masked autoencoder, for a spec that passed the checks.

    Its outputs are ``latent`` (of the kept mask units), ``prediction`` and ``target`` (of the masked tokens, in
    raster order) and ``loss``. Without ``early`` selection it computes what the released code does: the patch
    embedding of the whole image, and predictions for seen tokens too. Raises LoweringError as ``lower`` does.
    """
    spec = spec.resolved()
    encoder = lower(encoder_of(spec), kept_units(spec))
    builder = GraphBuilder()
    copy = Copy(builder, encoder, early)
    pixels = copy.values["pixels"]
    ends = [_end(encoder, copy, index) for index in range(len(spec.stages))]
    layout = ends[-1].layout
    with builder.origin("mae", "multi_scale"):
        latent = spec.norm.lower(builder, "encoder_norm", _fused(builder, ends, spec.pretraining.multi_scale))
    to_predict = _to_predict(spec, layout)
    values = to_predict.infer(pixels.shape)[-1]
    masked = MaskedTokens(layout, latent.shape[0])
    with builder.origin("mae", "decoder"):
        prediction = _decoded(builder, spec, latent, layout, masked, values, early)
    with builder.origin("mae", "target"):
        target = _target(builder, spec, builder.add("patches", to_predict, pixels), replace(masked, grid=True))
        loss = builder.add("loss", SquaredError(), prediction, target)
    for name, value in (("latent", latent), ("prediction", prediction), ("target", target), ("loss", loss)):
        builder.output(name, value)
    return builder.graph()


def encoder_of(spec: Spec) -> Spec:
    """The trunk as it is pretrained: its last stage does not pool, and has the stochastic depth of pretraining."""
    *before, last = spec.stages
    rate = spec.pretraining.drop_path
    drop_path = spec.drop_path if rate is None else spec.drop_path.model_copy(update={"rate": rate})
    stages = (*before, last.model_copy(update={"pool": None}))
    return spec.model_copy(update={"stages": stages, "neck": None, "head": None, "drop_path": drop_path})


class _End(NamedTuple):
    """What leaves a stage."""

    value: Value
    layout: UnitLayout


def _end(encoder: Graph, copy: Copy, index: int) -> _End:
    node = encoder[encoder.outputs[f"features.{index}"]]
    assert isinstance(node.op, ToGrid)
    return _End(copy.values[node.inputs[0]], node.op.layout)


def _fused(builder: GraphBuilder, ends: list[_End], multi_scale: bool) -> Value:
    """The last stage of each resolution, brought to the last resolution by a convolution, summed."""
    last = ends[-1]
    finer = [end for end, after in pairwise(ends) if end.layout.unit != after.layout.unit] if multi_scale else []
    total = None
    for index, end in enumerate(finer):
        folds = end.layout.folds[: len(end.layout.folds) - len(last.layout.folds)]
        conv = UnitConv(end.value.channels, last.value.channels, folds)
        x = builder.add(f"multi_scale_fusion_heads.{index}", conv, end.value)
        total = x if total is None else builder.add(f"fused_{index}", Add(), total, x)
    return last.value if total is None else builder.add("fused", Add(), total, last.value)


def _to_predict(spec: Spec, layout: UnitLayout) -> Op:
    """What every token is to predict, seen ones too."""
    mae = spec.pretraining
    step, patch = predicted(spec, layout.unit)
    if mae.target == "hog":
        return Gradients(layout.grid, patch, step, HOG_BINS, HOG_CELL, mae.norm_target)
    return Patches(layout.grid, patch, step)


def _target(builder: GraphBuilder, spec: Spec, patches: Value, masked: MaskedTokens) -> Value:
    """What is to be predicted for the masked tokens; histograms are normalised cell by cell where they are made."""
    if spec.pretraining.target == "hog" or not spec.pretraining.norm_target:
        return builder.add("target", masked, patches)
    return builder.add("target", Standardise(), builder.add("masked_patches", masked, patches))


def _decoded(
    builder: GraphBuilder,
    spec: Spec,
    latent: Value,
    layout: UnitLayout,
    masked: MaskedTokens,
    values: int,
    early: bool,
) -> Value:
    """The prediction of what the masked tokens hold. The decoder's tokens stay in the order of mask units."""
    decoder = spec.pretraining.decoder
    x = builder.add("decoder_embed", Linear(latent.channels, decoder.channels), latent)
    token = builder.add("mask_token", Table((1, 1), decoder.channels))
    x = builder.add("decoder_tokens", PlaceUnits(prod(layout.units)), x, token)
    places = builder.add("decoder_pos_embed", Table(layout.grid, decoder.channels))
    x = builder.add("decoder_position", Add(), x, builder.add("decoder_places", ToUnits(layout), places))
    style = Style(spec.norm, spec.activation, drops=False)
    hidden = int(decoder.channels * spec.mlp_ratio)
    block = Block(channels=decoder.channels, heads=decoder.heads, hidden=hidden, attention=GlobalAttention(), pool=None)
    flow = Flow(x.shape, layout)
    for index in range(decoder.depth):
        with builder.block(f"decoder_blocks.{index}"):
            x, flow = lower_block(builder, style, block, x, flow, None)
    if early:
        x = builder.add("masked_tokens", masked, x)
    x = builder.add("decoder_pred", Linear(x.channels, values), spec.norm.lower(builder, "decoder_norm", x))
    return x if early else builder.add("masked_tokens", masked, x)
