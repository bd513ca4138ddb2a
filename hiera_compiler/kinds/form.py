"""The form that every part of a spec shares, and the numbers that many parts hold."""

from __future__ import annotations

from functools import partial
from operator import eq
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_SIDE = 65_536
"""The largest number of things along one axis; far above any input, far below trouble."""


class Form(BaseModel):
    """A part of a spec: immutable, without unknown keys, and without silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Kind(Form):
    """One choice of a group, named by its ``kind``."""

    kind: str


Count = Annotated[int, Field(ge=1, le=MAX_SIDE)]
"""A number of things: at least one, and small enough to be meant."""

Rate = Annotated[float, Field(ge=0, lt=1), AfterValidator(abs)]  # abs: -0.0 is 0.0, in the hash too
"""A probability that is less than certain."""


def silent(default: object) -> Any:
    """A field that a written-out spec leaves out at its default, so that what came before it keeps its hash."""
    return Field(exclude_if=partial(eq, default))
