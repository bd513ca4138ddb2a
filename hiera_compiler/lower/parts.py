"""Parts of a model lowered by themselves: the stem, one block, the map of a stage, the neck, the head.

Of a masked autoencoder: the stem of the kept mask units, the blocks, the fusion, and the decoder's tokens, prediction
and target.

They are written by what writes whole models. So a cost that adds up over the parts of a graph is that of the graph,
and a search works out each distinct part once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hiera_compiler.ir import Graph, Input, Op, Shape
from hiera_compiler.ir.builder import GraphBuilder, Value
from hiera_compiler.ir.masking import MaskedTokens
from hiera_compiler.kinds import Neck, Normalization
from hiera_compiler.lower.blocks import Block, Flow, Style, lower_block
from hiera_compiler.lower.decoder import lower_prediction, lower_tokens
from hiera_compiler.lower.hiera import lower_head, lower_map, lower_neck, lower_stem
from hiera_compiler.lower.mae import End, lower_fusion, lower_target
from hiera_compiler.lower.selection import Copy
from hiera_compiler.spec import Head, MaskedAutoencoding, Spec

ENTRY = "entry"
"""The first word of the origin of nodes that stand for what flows into a part, which the stem has none of."""
KEPT = "kept"
"""The second word, where a part before keeps the memory until here: it is counted there, and let go here."""
HELD = "held"
"""The second word, where a part before holds the memory beyond this part: it is counted there."""
EXIT = "exit"
"""The output of a part's graph that flows on."""


@dataclass(frozen=True)
class Part:
    """A part as a graph of its own, and what flows out of it."""

    graph: Graph
    flow: Flow


def stem_part(spec: Spec, channels: int, kept_units: int | None = None) -> Part:
    """The stem of a resolved spec whose first stage has so many channels. Raises LoweringError, as all of these do.

    With ``kept_units`` that of masked pretraining, where units are selected as early as can be.
    """
    builder = GraphBuilder()
    x, flow = lower_stem(builder, spec, channels, kept_units)
    if kept_units is not None:
        graph, builder = builder.graph(), GraphBuilder()
        x = Copy(builder, graph, early=True).values[x.name]
    builder.output(EXIT, x)
    return Part(builder.graph(), flow)


def block_part(style: Style, block: Block, flow: Flow, held: bool = False) -> Part:
    """One block. What flows in is ``held`` where something after the next block reads it too."""
    builder, x = _entered(flow, *[HELD] * held)
    with builder.origin("stages", 0), builder.block("block"):
        x, flow = lower_block(builder, style, block, x, flow, 0.0 if style.drops else None)
    builder.output(EXIT, x)
    return Part(builder.graph(), flow)


def map_part(flow: Flow) -> Part:
    """The map of a stage, which is an output of the model; what flows in flows on."""
    builder, x = _entered(flow)
    with builder.origin("stages", 0):
        builder.output("features", lower_map(builder, "features", x, flow))
    builder.output(EXIT, x)
    return Part(builder.graph(), flow)


def neck_part(neck: Neck, maps: Sequence[Shape], flow: Flow) -> Part:
    """The neck over maps of these shapes, those that it reads; nothing flows on."""
    builder = GraphBuilder()
    with builder.origin(ENTRY, KEPT):
        entered = [builder.add(f"{KEPT}.{index}", Input(shape)) for index, shape in enumerate(maps)]
    builder.output(EXIT, lower_neck(builder, neck, entered)[0])
    return Part(builder.graph(), flow)


def head_part(style: Style, head: Head, flow: Flow) -> Part:
    """The head; nothing flows on."""
    builder, x = _entered(flow)
    builder.output(EXIT, lower_head(builder, style.norm, head, x, flow))
    return Part(builder.graph(), flow)


def fusion_part(norm: Normalization, finer: Sequence[Flow], last: Flow) -> Part:
    """The latent of the kept mask units, from the ends of the stages that are fused into the last one."""
    builder = GraphBuilder()
    with builder.origin(ENTRY, KEPT):
        ends = [End(builder.add(f"{KEPT}.{index}", Input(end.shape)), end.layout) for index, end in enumerate(finer)]
    with builder.origin(ENTRY):
        ends.append(End(builder.add(ENTRY, Input(last.shape)), last.layout))
    latent = lower_fusion(builder, norm, ends)
    builder.output(EXIT, latent)
    return Part(builder.graph(), Flow(latent.shape, last.layout))


def tokens_part(channels: int, latent: Flow) -> Part:
    """The tokens of so many channels that enter a decoder's blocks, which ``block_part`` lowers."""
    builder, x = _entered(latent)
    x, flow = lower_tokens(builder, x, masked_tokens(latent), channels)
    builder.output(EXIT, x)
    return Part(builder.graph(), flow)


def prediction_part(norm: Normalization, values: int, flow: Flow) -> Part:
    """The prediction of so many values for each token that flows in."""
    builder, x = _entered(flow)
    prediction = lower_prediction(builder, norm, x, flow.shape[1], values)
    builder.output(EXIT, prediction)
    return Part(builder.graph(), replace(flow, shape=prediction.shape))


def target_part(mae: MaskedAutoencoding, to_predict: Op, masked: MaskedTokens, pixels: Shape, prediction: Flow) -> Part:
    """The target, from pixels that the stem holds, and the loss of a prediction; nothing flows on."""
    builder = GraphBuilder()
    with builder.origin("input", HELD):
        image = builder.add("pixels", Input(pixels))
    with builder.origin(ENTRY):
        x = builder.add(ENTRY, Input(prediction.shape))
    target, loss = lower_target(builder, mae, to_predict, masked, image, x)
    for name, value in (("target", target), ("loss", loss), (EXIT, loss)):
        builder.output(name, value)
    return Part(builder.graph(), prediction)


def masked_tokens(latent: Flow) -> MaskedTokens:
    """The tokens that are predicted where such a latent is what the encoder made of the kept mask units."""
    return MaskedTokens(latent.layout, latent.shape[0])


def _entered(flow: Flow, *held: str) -> tuple[GraphBuilder, Value]:
    builder = GraphBuilder()
    with builder.origin(ENTRY, *held):
        return builder, builder.add(ENTRY, Input(flow.shape))
