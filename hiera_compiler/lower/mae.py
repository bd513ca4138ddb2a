"""The masked autoencoder of a spec, written as primitives (Hiera, section 3; Masked Autoencoders, He et al. 2022)."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from hiera_compiler.ir import Add, Graph, Op, ToGrid, UnitLayout
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.masking import MaskedTokens, UnitConv
from hiera_compiler.ir.target import Gradients, Patches, SquaredError, Standardise
from hiera_compiler.lower.decoder import lower_decoder
from hiera_compiler.lower.hiera import lower
from hiera_compiler.lower.selection import Copy
from hiera_compiler.spec import Spec
from hiera_compiler.spec.grids import kept_units, predicted
from hiera_compiler.spec.mae import HOG_BINS, HOG_CELL


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
    pixels = copy.values["pixels"]
    ends = [_end(encoder, copy, index) for index in range(len(spec.stages))]
    layout = ends[-1].layout
    with builder.origin("mae", "multi_scale"):
        latent = spec.norm.lower(builder, "encoder_norm", _fused(builder, ends, spec.pretraining.multi_scale))
    to_predict = _to_predict(spec, layout)
    values = to_predict.infer(pixels.shape)[-1]
    masked = MaskedTokens(layout, latent.shape[0])
    with builder.origin("mae", "decoder"):
        prediction = lower_decoder(builder, spec, latent, masked, values, early)
    with builder.origin("mae", "target"):
        target = _target(builder, spec, builder.add("patches", to_predict, pixels), masked)
        loss = builder.add("loss", SquaredError(), prediction, target)
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
