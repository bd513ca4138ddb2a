"""The masked autoencoder of a spec, written as primitives (Hiera, section 3; Masked Autoencoders, He et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hiera_compiler.ir import Add, Graph, Op, ToGrid, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.masking import MaskedTokens, UnitConv
from hiera_compiler.ir.target import Gradients, Patches, SquaredError, Standardise
from hiera_compiler.kinds import Normalization
from hiera_compiler.lower.blocks import lower_block
from hiera_compiler.lower.decoder import decoder_blocks, decoder_style, lower_prediction, lower_tokens
from hiera_compiler.lower.hiera import lower
from hiera_compiler.lower.selection import Copy
from hiera_compiler.spec import Spec
from hiera_compiler.spec.grids import kept_units, predicted
from hiera_compiler.spec.mae import HOG_BINS, HOG_CELL, MaskedAutoencoding


def lower_mae(spec: Spec, early: bool = True) -> Graph:
    """The graph of a spec's masked autoencoder, for a spec that passed the checks.

    Its outputs are ``latent`` (of the kept mask units), ``prediction`` and ``target`` (of the masked tokens, in
    raster order) and ``loss``. Without ``early`` selection it computes what the released code does: the patch
    embedding of the whole image, and for seen tokens all that the decoder computes. Raises LoweringError as ``lower``
    does.
    """
    spec = spec.resolved()
    encoder = lower(encoder_of(spec), kept_units(spec))
    builder = GraphBuilder()
    copy = Copy(builder, encoder, early)
    ends = [_end(encoder, copy, index) for index in (*fused_stages(spec), len(spec.stages) - 1)]
    latent = lower_fusion(builder, spec.norm, ends)
    masked = MaskedTokens(ends[-1].layout, latent.shape[0])
    pixels, to_predict = copy.values["pixels"], predicted_op(spec, masked.layout)
    x, flow = lower_tokens(builder, latent, masked, spec.pretraining.decoder.channels)
    for index, block in enumerate(decoder_blocks(spec, masked, early)):
        with builder.origin("mae", "decoder"), builder.block(f"decoder_blocks.{index}"):
            x, flow = lower_block(builder, decoder_style(spec), block, x, flow, None)
    values = to_predict.infer(pixels.shape)
    prediction = lower_prediction(builder, spec.norm, x, masked.infer(values)[0], values[-1])
    target, loss = lower_target(builder, spec.pretraining, to_predict, masked, pixels, prediction)
    for name, value in (("latent", latent), ("prediction", prediction), ("target", target), ("loss", loss)):
        builder.output(name, value)
    return builder.graph()


def encoder_of(spec: Spec) -> Spec:
    """The trunk as it is pretrained: its last stage does not pool, and has the stochastic depth of pretraining."""
    *before, last = spec.stages
    rate = spec.pretraining.drop_path
    drop_path = spec.drop_path if rate is None else spec.drop_path.model_copy(update={"rate": rate})
    pool = None if last.pool is None else last.pool.unpooled()
    stages = (*before, last.model_copy(update={"pool": pool}))
    changes = {"stages": stages, "neck": None, "head": None, "drop_path": drop_path, "mae": None}
    return spec.model_copy(update=changes)


def fused_stages(spec: Spec) -> tuple[int, ...]:
    """The stages whose ends are fused into that of the last one: those after which a resolved spec's encoder pools."""
    if not spec.pretraining.multi_scale:
        return ()
    pools = [stage.pool for stage in encoder_of(spec).stages]
    return tuple(index for index, pool in enumerate(pools[1:]) if pool is not None and max(pool.stride) > 1)


class End(NamedTuple):
    """What leaves a stage."""

    value: Value
    layout: UnitLayout


def _end(encoder: Graph, copy: Copy, index: int) -> End:
    node = encoder[encoder.outputs[f"features.{index}"]]
    assert isinstance(node.op, ToGrid)
    return End(copy.values[node.inputs[0]], node.op.layout)


def lower_fusion(builder: GraphBuilder, norm: Normalization, ends: Sequence[End]) -> Value:
    """The latent: each end brought to the resolution of the last one by a convolution, summed, and then the norm."""
    *finer, last = ends
    total = None
    with builder.origin("mae", "multi_scale"):
        for index, end in enumerate(finer):
            folds = end.layout.folds[: len(end.layout.folds) - len(last.layout.folds)]
            conv = UnitConv(end.value.channels, last.value.channels, folds)
            x = builder.add(f"multi_scale_fusion_heads.{index}", conv, end.value)
            total = x if total is None else builder.add(f"fused_{index}", Add(), total, x)
        fused = last.value if total is None else builder.add("fused", Add(), total, last.value)
        return norm.lower(builder, "encoder_norm", fused)


def predicted_op(spec: Spec, layout: UnitLayout) -> Op:
    """What makes of the pixels all that tokens in units of this layout are to predict, seen ones too."""
    mae = spec.pretraining
    step, patch = predicted(spec, layout.unit)
    if mae.target == "hog":
        return Gradients(layout.grid, patch, step, HOG_BINS, HOG_CELL, mae.norm_target)
    return Patches(layout.grid, patch, step)


def lower_target(
    builder: GraphBuilder,
    mae: MaskedAutoencoding,
    to_predict: Op,
    masked: MaskedTokens,
    pixels: Value,
    prediction: Value,
) -> tuple[Value, Value]:
    """What is to be predicted for the masked tokens, and the loss of the prediction.

    Histograms are normalised cell by cell where they are made.
    """
    with builder.origin("mae", "target"):
        patches = builder.add("patches", to_predict, pixels)
        if mae.target == "hog" or not mae.norm_target:
            target = builder.add("target", masked, patches)
        else:
            target = builder.add("target", Standardise(), builder.add("masked_patches", masked, patches))
        return target, builder.add("loss", SquaredError(), prediction, target)
