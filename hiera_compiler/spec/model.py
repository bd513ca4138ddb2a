"""The form of a spec: which keys there are, and what each may hold. Meaning is for the rules in ``checks``."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hiera_compiler.kinds import Activation, Choice, Extent, Form, Neck, Normalization, Position
from hiera_compiler.kinds.activation.gelu import Gelu
from hiera_compiler.kinds.extent import expand_extents
from hiera_compiler.kinds.form import silent
from hiera_compiler.kinds.norm.layer_norm import LayerNorm
from hiera_compiler.spec.mae import MaskedAutoencoding
from hiera_compiler.spec.parts import Head, Input, Patch, Stage, StochasticDepth, none_word, rate_alone


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
        BeforeValidator(none_word, json_schema_input_type=Annotated[float, Field(gt=0, le=1)] | Literal["none"] | None),
        silent(None),
        Field(description="Where the learned factors of each branch's channels start; `none`: there are none."),
    ] = None
    drop_path: Annotated[
        StochasticDepth,
        BeforeValidator(rate_alone, json_schema_input_type=float | StochasticDepth),
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
        BeforeValidator(none_word, json_schema_input_type=Head | Literal["none"] | None),
        Field(description="The classifier; `none` for a trunk that gives maps only."),
    ] = None
    mae: Annotated[
        MaskedAutoencoding | None,
        BeforeValidator(none_word, json_schema_input_type=MaskedAutoencoding | Literal["none"] | None),
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
