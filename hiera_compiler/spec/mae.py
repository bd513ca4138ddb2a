"""The form of masked autoencoding, the task that a trunk is pretrained with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hiera_compiler.kinds import Form
from hiera_compiler.kinds.form import Count, Rate

IMAGE_MASK_RATIO = 0.6
CLIP_MASK_RATIO = 0.9
"""The mask ratios that the paper settles on (Hiera, Table 3b)."""

HOG_BINS = 9
HOG_CELL = 8
"""MaskFeat's histograms of gradients (Wei et al. 2022), which Hiera's Table 3c compares with pixels.

They have so many directions, in cells of so many pixels a side.
"""


class Decoder(Form):
    """The decoder: global blocks over the tokens of all mask units, seen and predicted."""

    depth: Annotated[int, Field(ge=1, le=1_000, description="Number of blocks.")] = 8
    channels: Annotated[Count, Field(description="Channels of each token.")] = 512
    heads: Annotated[Count, Field(description="Attention heads; must divide the channels.")] = 16


class MaskedAutoencoding(Form):
    """Masked pretraining: whole mask units are dropped, and a decoder predicts what was in them (Hiera, section 3).

    The last stage does not pool in it, so that more than one prediction is made for each mask unit. `hiera build
    --task mae` builds this model; without it the section changes nothing.
    """

    mask_ratio: Annotated[
        float | None,
        Field(
            gt=0,
            lt=1,
            description=f"Part of the mask units that is dropped; default: {IMAGE_MASK_RATIO} for images, "
            f"{CLIP_MASK_RATIO} for clips. What is kept is rounded down to whole units.",
        ),
    ] = None
    decoder: Annotated[Decoder, Field(description="What predicts the dropped mask units.")] = Decoder()
    multi_scale: Annotated[
        bool,
        Field(description="Whether the decoder sees the last stage of every resolution, or the last stage alone."),
    ] = True
    target: Annotated[
        Literal["pixel", "hog"],
        Field(
            description=f"What is predicted: `pixel`s, or `hog`: histograms of oriented gradients, of {HOG_BINS} "
            f"directions in cells of {HOG_CELL}x{HOG_CELL} pixels."
        ),
    ] = "pixel"
    norm_target: Annotated[
        bool,
        Field(
            description="Whether each predicted patch of pixels has mean 0 and variance 1, and each cell's histogram "
            "length 1."
        ),
    ] = True
    drop_path: Annotated[
        Rate | None,
        Field(description="Rate of stochastic depth in the encoder while pretraining; default: the model's."),
    ] = None

    def resolved(self, axes: int) -> MaskedAutoencoding:
        """The same with the default mask ratio of an input with so many axes written out."""
        if self.mask_ratio is not None:
            return self
        return self.model_copy(update={"mask_ratio": IMAGE_MASK_RATIO if axes == 2 else CLIP_MASK_RATIO})
