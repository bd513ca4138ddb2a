"""The form of the parts of a spec: input, patches, stages, stochastic depth, head."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from hiera_compiler.kinds import Attention, Choice, Extent, Form, Pooling
from hiera_compiler.kinds.extent import expand_extents
from hiera_compiler.kinds.form import Count, Rate, silent

MAX_DEPTH = 1_000
"""Blocks in one stage."""


def none_word(value: object) -> object:
    """None for the word `none`."""
    return None if value == "none" else value


def rate_alone(value: object) -> object:
    """Stochastic depth of this rate, for a number alone."""
    return {"rate": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Input(Form):
    """What the model sees: images, or clips where ``frames`` is given."""

    size: Annotated[
        tuple[int, ...], Extent(time=None), Field(description="Height and width in pixels; one number: square.")
    ]
    frames: Annotated[
        Annotated[int, Field(ge=1, le=4096)] | None,
        BeforeValidator(
            none_word, json_schema_input_type=Annotated[int, Field(ge=1, le=4096)] | Literal["none"] | None
        ),
        Field(description="Frames of a clip; `none` for images."),
    ] = None
    channels: Annotated[int, Field(ge=1, le=1024, description="Colour channels.")] = 3


class Patch(Form):
    """The strided convolution that turns pixels into tokens (Hiera, section 4: 7x7, stride 4)."""

    kernel: Annotated[tuple[int, ...], Extent(), Field(description="Kernel size; a clip's is [time, height, width].")]
    stride: Annotated[tuple[int, ...], Extent(), Field(description="Pixels (and frames) from one token to the next.")]
    padding: Annotated[tuple[int, ...], Extent(time=0, minimum=0), Field(description="Zeros added at each border.")] = (
        0,
    )
    norm: Annotated[bool, silent(False), Field(description="Whether the tokens are normalised before all else.")] = (
        False
    )


class Stage(Form):
    """Blocks of one width on one token grid."""

    depth: Annotated[int, Field(ge=1, le=MAX_DEPTH, description="Number of blocks.")]
    channels: Annotated[Count, Field(description="Channels of each token.")]
    heads: Annotated[Count, Field(description="Attention heads; must divide the channels.")]
    attention: Annotated[Attention, Choice("attention"), Field(description="How the stage's tokens attend.")]
    first_attention: Annotated[
        Literal["previous", "own"],
        Field(
            description="How the first block attends, which is the block that pools and widens. `previous` (Hiera's "
            "rule): like the stage before it, so that global attention starts only after pooling. `own`: like the "
            "rest of its stage. The first stage has none before it."
        ),
    ] = "previous"
    global_at: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=MAX_DEPTH)], ...],
        silent(()),
        Field(
            max_length=MAX_DEPTH,
            strict=False,
            description="Blocks of the stage, counted from 0, that attend globally whatever the others do (SAM 2).",
        ),
    ] = ()
    pool: Annotated[
        Pooling | None,
        Choice("pool", optional=True),
        Field(description="How the first block pools its queries and its skip connection; `none`: not at all."),
    ] = None
    skip: Annotated[
        Literal["projection", "pooled_projection", "max_and_mean"],
        silent("projection"),
        Field(
            description="What the skip connection of the first block is where the channels change. `projection` "
            "(Hiera): a linear layer of the normalised input, pooled. `pooled_projection`: the same, pooled before the "
            "layer. `max_and_mean`: the input pooled by maximum and by mean, side by side, which doubles the channels "
            "without weights."
        ),
    ] = "projection"
    mlp_ratio: Annotated[
        float | None, Field(gt=0, le=64, description="Hidden channels of the MLP per channel; default: the model's.")
    ] = None
    out_channels: Annotated[
        Count | None,
        BeforeValidator(none_word, json_schema_input_type=Count | Literal["none"] | None),
        silent(None),
        Field(
            description="Channels that leave the MLP of the last block, so that the next stage need not widen "
            "(MViTv2-L as released); `none`: as many as the stage has."
        ),
    ] = None

    def resolved(self, axes: int, mlp_ratio: float) -> Stage:
        """The same stage with every shorthand and default written out, in a model of so many axes and that ratio."""
        stage = expand_extents(self, axes)
        return stage if stage.mlp_ratio is not None else stage.model_copy(update={"mlp_ratio": mlp_ratio})


class StochasticDepth(Form):
    """Stochastic depth, in training only."""

    rate: Annotated[Rate, Field(description="Probability that a block's branch is dropped for a sample.")] = 0.0
    schedule: Annotated[
        Literal["linear", "constant"],
        Field(
            description="`linear`: from 0 at the first block to the rate at the last; `constant`: the rate everywhere."
        ),
    ] = "linear"


class Head(Form):
    """The classifier: tokens to one vector, norm, dropout, linear layer."""

    classes: Annotated[int, Field(ge=1, le=1_000_000, description="Number of logits.")]
    dropout: Annotated[Rate, Field(description="Probability of dropping a feature, in training only.")] = 0.0
    pooling: Annotated[
        Literal["mean", "class_token"],
        silent("mean"),
        Field(description="`mean`: of all tokens but the class token; `class_token`: that token alone."),
    ] = "mean"
    norm: Annotated[
        Literal["after", "before"],
        silent("after"),
        Field(
            description="`after` (Hiera's released code): the pooled vector is normalised; `before`: every token is, "
            "before pooling."
        ),
    ] = "after"
