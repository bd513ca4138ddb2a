"""Software regimes: what PyTorch of a version, in a mode, does with a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Regime:
    """How a model is run; a time without its regime means nothing.

    `weights` is the dtype in which weights are stored. `fused_attention` says that 4-D attention is one kernel
    that keeps scores on chip. `released_code` is the authors' token order and 5-D attention, in place of ours.
    `keeps_cast_weights`: autocast is entered once around many passes, so that weights are cast once.
    """

    name: str
    torch: str
    autocast: bool
    compiled: bool
    fused_attention: bool
    weights: Literal["fp16", "fp32"]
    released_code: bool = False
    keeps_cast_weights: bool = False

    @property
    def dtype(self) -> str:
        """The dtype as reported: `amp-fp16` stands for automatic mixed precision over fp32 weights."""
        return "amp-fp16" if self.autocast else self.weights


PAPER = Regime(
    "paper-eager-amp",
    torch="1.12",
    autocast=True,
    compiled=False,
    fused_attention=False,
    weights="fp32",
    released_code=True,
    keeps_cast_weights=True,
)
"""Hiera's appendix on speed: the released code in eager PyTorch 1.12, autocast, no fused attention."""
EAGER_AMP = Regime("eager-amp", "2.13", autocast=True, compiled=False, fused_attention=True, weights="fp32")
EAGER_HALF = Regime("eager-half", "2.13", autocast=False, compiled=False, fused_attention=True, weights="fp16")
COMPILED_AMP = Regime("compiled-amp", "2.13", autocast=True, compiled=True, fused_attention=True, weights="fp32")
COMPILED_HALF = Regime("compiled-half", "2.13", autocast=False, compiled=True, fused_attention=True, weights="fp16")
EAGER_FP32 = Regime("eager-fp32", "2.13", autocast=False, compiled=False, fused_attention=True, weights="fp32")
COMPILED_FP32 = Regime("compiled-fp32", "2.13", autocast=False, compiled=True, fused_attention=True, weights="fp32")

REGIMES = (PAPER, EAGER_AMP, EAGER_HALF, COMPILED_AMP, COMPILED_HALF, EAGER_FP32, COMPILED_FP32)
