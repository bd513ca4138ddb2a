"""The form of `front.json`: everything that a search found, from which the page and the table are drawn again."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue

FORMAT: Final = "hiera-front-1"
"""What a front says it is; the number grows when a field changes its meaning."""

# Far beyond any figure, so that whatever passes can be drawn.
Points = Annotated[int, Field(ge=0, le=10**300)]
Whole = Annotated[int, Field(ge=0, le=10**18)]
Number = Annotated[FiniteFloat, Field(ge=-1e15, le=1e15)]
Positive = Annotated[FiniteFloat, Field(ge=1e-15, le=1e15)]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Refusal(_Part):
    """How many candidates a rule refused; ``title`` is the first line of its explanation."""

    count: Points
    title: str


class SpaceFacts(_Part):
    """The space that was searched.

    ``points`` are all assignments, ``lawful`` those that are architectures; where the search was not ``exact``,
    ``lawful`` and ``refused`` count only the candidates that it looked at.
    """

    name: str
    file: str
    points: Points
    lawful: Points
    exact: bool
    refused: dict[str, Refusal] = {}


class RegimeFacts(_Part):
    """What latencies are of: device, software regime, batch, dtype, and how far the profile is to be trusted.

    With the ``task`` mae they, and all counts, are of the masked autoencoder's forward pass, loss included.
    ``risk`` is the probability of missing a latency budget that was accepted; none: the prediction itself was held
    against it.
    """

    device: str
    regime: str
    batch: Annotated[int, Field(ge=1)]
    dtype: str
    tier: str
    provenance: str
    risk: Share | None = None
    measured_on: str | None = None
    task: Literal["classify", "mae"] = "classify"


class Objective(_Part):
    """What was maximised, and which rung of the ladder the score is from; ``band`` says what its interval is.

    ``against`` is the cost that nobody on the front has less of without a lower score.
    """

    maximise: str
    rung: str
    unit: str
    is_accuracy: bool
    band: str
    against: Literal["latency", "macs", "params", "memory"] = "latency"


class StageFigures(_Part):
    """One stage, stem or head; milliseconds of a batch, counts for one sample."""

    name: str
    depth: int | None = None
    channels: int | None = None
    heads: int | None = None
    attention: str | None = None
    pool: str | None = None
    ms: Number
    params: Whole
    macs: Whole


class Nearest(_Part):
    """The nearest published model: how many times as fast the candidate is, and how much better its score.

    ``input`` is that of the published model, where the candidate has another.
    """

    name: str
    faster: Positive
    better: Number
    text: str
    input: str | None = None

    @property
    def with_input(self) -> str:
        """The text, and the input where it is another."""
        return self.text if self.input is None else f"{self.text}; its input is {self.input}"


class Measurement(_Part):
    """What was measured of a candidate: milliseconds of one batch.

    ``as_predicted`` says that the prediction is for this machine, so that the two may be compared.
    """

    latency_ms: Positive
    low: Positive
    high: Positive
    device: str
    regime: str
    as_predicted: bool = True


class Candidate(_Part):
    """An architecture with its figures.

    Latencies are milliseconds of one batch with the 90 % interval of the prediction, ``throughput`` is in samples a
    second, ``memory_bytes`` in bytes; other counts are for one sample. ``accuracy`` is the score of the rung: for
    ``capacity`` no accuracy. ``file`` is the name of its spec file in the result's folder.
    """

    name: str
    spec: dict[str, JsonValue]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.yaml$")] | None = None
    hash: str
    choice: dict[str, JsonValue] = {}
    params: Whole
    macs: Whole
    flops: Whole
    memory_bytes: Whole
    latency_ms: Positive
    latency_low: Positive
    latency_high: Positive
    throughput: Positive
    accuracy: Number
    accuracy_rung: str
    accuracy_low: Number
    accuracy_high: Number
    extrapolated: bool = False
    stages: tuple[StageFigures, ...] = ()
    resources: dict[str, Number] = {}
    nearest: Nearest | None = None
    measured: Measurement | None = None


class Impossible(_Part):
    """Why nothing fits: the limit that refuses most, the share that it refuses, and the nearest candidate."""

    limit: str
    refuses_share: Share
    nearest: Candidate | None = None


class Front(_Part):
    """The result of a search. ``title`` is the first line of every output; the first of ``front`` is the best."""

    format: Literal["hiera-front-1"] = FORMAT
    title: str
    note: str
    created: str
    versions: dict[str, str]
    command: str
    seed: int
    space: SpaceFacts
    regime: RegimeFacts
    objective: Objective
    budgets: dict[str, Number] = {}
    evaluated: Whole
    engine: str
    front: tuple[Candidate, ...]
    ties: tuple[Candidate, ...] = ()
    published: tuple[Candidate, ...] = ()
    cloud: tuple[tuple[Number, Number], ...] = ()
    impossible: Impossible | None = None

    def summary(self) -> dict[str, Any]:
        """The part that ``--json`` prints: the space, the budgets, and the figures of each winner."""
        figures = {
            *("name", "spec", "hash", "params", "macs", "latency_ms", "latency_low", "latency_high", "throughput"),
            *("accuracy", "accuracy_rung", "accuracy_low", "accuracy_high"),
        }
        return {
            "space": self.space.model_dump(mode="json", include={"points", "lawful", "exact"}),
            "budgets": dict(self.budgets),
            "evaluated": self.evaluated,
            "front": [one.model_dump(mode="json", include=figures) for one in self.front],
        }

    def text(self) -> str:
        """`front.json`: one line for each key, candidate and rule; equal fronts are equal bytes."""
        data = self.model_dump(mode="json")
        return "{\n" + ",\n".join(f"{_json(key)}: {_lines(value)}" for key, value in data.items()) + "\n}\n"


def _lines(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(map(_json, value)) + "\n]"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
