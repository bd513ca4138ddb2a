"""The form of a device."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["fp16", "bf16", "tf32", "fp32"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Device(BaseModel):
    """What a data sheet says of a device; rates are per second and dense, sizes are in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    source: str
    multiprocessors: Annotated[int, Field(gt=0)]
    lanes: Annotated[int, Field(gt=0)]
    clock: Positive
    memory_bytes: Positive
    cache_bytes: Positive
    bandwidth: Positive
    power_watts: Positive
    flops: dict[Precision, Positive]

    @property
    def lane_rate(self) -> float:
        """Scalar instructions per second, all lanes together."""
        return self.multiprocessors * self.lanes * self.clock

    @property
    def has_tensor_cores(self) -> bool:
        """Whether half precision has units of its own; a device that has none runs in fp32."""
        return "fp16" in self.flops

    def rate(self, precision: Precision) -> float:
        """FLOP/s of matrix products, two per multiply-add; fp32's where the precision has no units of its own."""
        return self.flops.get(precision, self.flops["fp32"])
