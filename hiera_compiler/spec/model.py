"""The form of a spec: which keys there are, and what each may hold. Meaning is for the rules in ``checks``."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hiera_compiler.kinds import Activation, Attention, Choice, Extent, Form, Neck, Normalization, Pooling, Position
from hiera_compiler.kinds.activation.gelu import Gelu
from hiera_compiler.kinds.extent import expand_extents
from hiera_compiler.kinds.form import Count, Rate, silent
from hiera_compiler.kinds.norm.layer_norm import LayerNorm
from hiera_compiler.spec.mae import MaskedAutoencoding

MAX_DEPTH = 1_000
"""Blocks in one stage."""


def _none_word(value: object) -> object:
    return None if value == "none" else value


def _rate_alone(value: object) -> object:
    return {"rate": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Input(Form):
    """What the model sees: images, or clips where ``frames`` is given."""

    size: Annotated[
        tuple[int, ...], Extent(time=None), Field(description="Height and width in pixels; one number: square.")
    ]
    frames: Annotated[
        Annotated[int, Field(ge=1, le=4096)] | None,
        BeforeValidator(
            _none_word, json_schema_input_type=Annotated[int, Field(ge=1, le=4096)] | Literal["none"] | None
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
        Literal["projection", "max_and_mean"],
        silent("projection"),
        Field(
            description="What the skip connection of the first block is where the channels change. `projection` "
            "(Hiera): a linear layer of the normalised input, pooled. `max_and_mean`: the input pooled by maximum and "
            "by mean, side by side, which doubles the channels without weights."
        ),
    ] = "projection"
    mlp_ratio: Annotated[
        float | None, Field(gt=0, le=64, description="Hidden channels of the MLP per channel; default: the model's.")
    ] = None
    out_channels: Annotated[
        Count | None,
        BeforeValidator(_none_word, json_schema_input_type=Count | Literal["none"] | None),
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


class Spec(Form):
    """An architecture of the Hiera family."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,99}$",
            description="What the model is called: a letter, then letters, digits and any of _ . -",
        ),
    ]
    input: Annotated[Input, Field(description="What the model sees.")]
    patch: Annotated[Patch, Field(description="How pixels become tokens.")]
    position: Annotated[Position, Choice("position"), Field(description="How tokens know where they are.")]
    mask_unit: Annotated[
        tuple[int, ...] | None,
        Extent(optional=True),
        Field(
            description="Tokens along each axis of a mask unit, on the grid of the first stage; `none`: the grid is "
            "not cut, so that nothing can be masked, and windows and kernels may lie anywhere on it."
        ),
    ]
    class_token: Annotated[
        bool,
        silent(False),
        Field(description="Whether one more token stands before all others; only where mask_unit is `none`."),
    ] = False
    stages: Annotated[
        tuple[Stage, ...], Field(min_length=1, max_length=16, strict=False, description="The stages, first to last.")
    ]
    mlp_ratio: Annotated[float, Field(gt=0, le=64, description="Hidden channels of the MLPs per channel.")] = 4.0
    layer_scale: Annotated[
        Annotated[float, Field(gt=0, le=1)] | None,
        BeforeValidator(
            _none_word, json_schema_input_type=Annotated[float, Field(gt=0, le=1)] | Literal["none"] | None
        ),
        silent(None),
        Field(description="Where the learned factors of each branch's channels start; `none`: there are none."),
    ] = None
    drop_path: Annotated[
        StochasticDepth,
        BeforeValidator(_rate_alone, json_schema_input_type=float | StochasticDepth),
        Field(description="Stochastic depth, in training only; a number alone is its rate."),
    ] = StochasticDepth()
    norm: Annotated[Normalization, Choice("norm"), Field(description="How blocks and head normalise.")] = LayerNorm()
    activation: Annotated[
        Activation, Choice("activation"), Field(description="The function between the layers of an MLP.")
    ] = Gelu()
    neck: Annotated[
        Neck | None,
        Choice("neck", optional=True),
        silent(None),
        Field(description="How the maps of the stages become a pyramid of maps, for detectors; `none`: they do not."),
    ] = None
    head: Annotated[
        Head | None,
        BeforeValidator(_none_word, json_schema_input_type=Head | Literal["none"] | None),
        Field(description="The classifier; `none` for a trunk that gives maps only."),
    ] = None
    mae: Annotated[
        MaskedAutoencoding | None,
        BeforeValidator(_none_word, json_schema_input_type=MaskedAutoencoding | Literal["none"] | None),
        Field(description="How the trunk is pretrained, for the task `mae`; `none`: with the defaults below."),
    ] = None

    @property
    def axes(self) -> int:
        """2 for images, 3 for clips (time, height, width)."""
        return 2 if self.input.frames is None else 3

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(channels, height, width)``, or ``(channels, frames, height, width)`` for clips."""
        frames = () if self.input.frames is None else (self.input.frames,)
        return (self.input.channels, *frames, *expand_extents(self.input, self.axes).size)

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return sum(stage.depth for stage in self.stages)

    @property
    def pretraining(self) -> MaskedAutoencoding:
        """How the trunk is pretrained, with every default written out; the paper's way where the spec is silent."""
        return (self.mae or MaskedAutoencoding()).resolved(self.axes)

    def resolved(self) -> Spec:
        """The same architecture with every shorthand and default written out."""
        stages = tuple(stage.resolved(self.axes, self.mlp_ratio) for stage in self.stages)
        mae = self.mae and self.pretraining
        alone = self.model_copy(update={"stages": (), "mae": None})
        return expand_extents(alone, self.axes).model_copy(update={"stages": stages, "mae": mae})

    def data(self) -> dict[str, Any]:
        """The spec as plain data, as it would be written in YAML."""
        return self.model_dump(mode="json", exclude_none=False)

    @property
    def hash(self) -> str:
        """SHA-256 of the resolved architecture, without its name: equal hashes are equal models."""
        data = self.resolved().data()
        del data["name"], data["mlp_ratio"]  # every stage says its own by now
        if self.pretraining == MaskedAutoencoding().resolved(self.axes):
            del data["mae"]  # to say the default is to say nothing
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
