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
    "paper-eager-amp", "1.12", True, False, False, "fp32", released_code=True, keeps_cast_weights=True
)
"""Hiera's appendix on speed: eager PyTorch 1.12, autocast, no fused attention, the released benchmark's loop."""
EAGER_AMP = Regime("eager-amp", "2.13", True, False, True, "fp32")
EAGER_HALF = Regime("eager-half", "2.13", False, False, True, "fp16")
COMPILED_HALF = Regime("compiled-half", "2.13", False, True, True, "fp16")
EAGER_FP32 = Regime("eager-fp32", "2.13", False, False, False, "fp32")
COMPILED_FP32 = Regime("compiled-fp32", "2.13", False, True, False, "fp32")
