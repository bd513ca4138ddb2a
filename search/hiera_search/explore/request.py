"""What a search is asked for; kept beside its result, so that it can go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from hiera_compiler.diagnostics import Diagnostic, SpecError, code, quoted
from hiera_compiler.pipeline import Task
from hiera_search.explore.budgets import Budgets
from hiera_search.ledger.address import address

FILE = "search.json"
Limit = Annotated[FiniteFloat, Field(gt=0, le=1e15)]
"""As large as the numbers of a front may be."""
Axis = Literal["latency", "macs", "params", "memory"]
Sampler = Literal["tpe", "nsga2", "gp", "random"]


class Request(BaseModel):
    """One search. Limits are those of ``Budgets``; paths are as the user gave them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    space: str = "hiera_image"
    settings: tuple[str, ...] = ()
    task: Task = "classify"
    latency_ms: Limit | None = None
    gmacs: Limit | None = None
    mparams: Limit | None = None
    memory_gb: Limit | None = None
    min_accuracy: Limit | None = None
    min_throughput: Limit | None = None
    device: str | None = None
    regime: str | None = None
    batch: Annotated[int, Field(ge=1)] = 1
    risk: Annotated[FiniteFloat, Field(gt=0, le=0.5)] = 0.1
    accuracy: str | None = None
    rows: str | None = None
    axis: Axis = "latency"
    engine: Literal["auto", "optuna"] = "auto"
    sampler: Sampler = "tpe"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    candidates: Annotated[int, Field(ge=1)] | None = None
    top: Annotated[int, Field(ge=1)] = 20
    measure: Annotated[int, Field(ge=0)] = 0
    storage: str | None = None
    study: str | None = None

    @property
    def budgets(self) -> Budgets:
        """The limits."""
        return Budgets(
            self.latency_ms, self.gmacs, self.mparams, self.memory_gb, self.min_accuracy, self.min_throughput
        )

    def changed(self, changes: dict[str, object]) -> Request:
        """The same search with other values; those that are None stay."""
        given = {name: value for name, value in changes.items() if value is not None}
        try:
            return Request.model_validate(self.model_dump() | given)
        except ValidationError as error:
            raise SpecError([no_such_value(problem["loc"], problem["input"]) for problem in error.errors()]) from None

    def text(self) -> str:
        """The search as a file; a database is named without its password."""
        shown = self
        if self.storage is not None:
            shown = self.model_copy(update={"storage": address(self.storage).shown})
        return shown.model_dump_json(indent=2, exclude_none=True) + "\n"


def read_request(folder: Path) -> Request:
    """The search that a folder was made by. Raises SpecError where the folder holds none."""
    file = folder / FILE
    try:
        return Request.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        raise SpecError(no_search(folder, file.exists())) from None


OPTIONS = {
    "latency_ms": "--budget-ms",
    "gmacs": "--budget-gmacs",
    "mparams": "--budget-mparams",
    "memory_gb": "--budget-memory",
    "min_accuracy": "--min-accuracy",
    "min_throughput": "--min-throughput",
    "risk": "--risk",
    "seed": "--seed",
}
WANTED = {"risk": "a probability above 0 and at most 0.5", "seed": "a whole number from 0 to 4294967295"}


@code("H623")
def no_such_value(place: tuple[str | int, ...], value: object) -> Diagnostic:
    """A limit, a risk or a seed that means nothing.

    Limits are numbers above zero, up to 1e15. A risk is a probability above 0 and at most 0.5: at 0.5 predictions are
    taken as they are, at 0.1 a limit is missed by one candidate in ten. Seeds are whole numbers of 32 bits.
    """
    name = str(place[0])
    wanted = WANTED.get(name, "a number above 0, at most 1e15")
    return Diagnostic("H623", f"{OPTIONS.get(name, name)} is {value}", help=f"use {wanted}")


@code("H622")
def no_search(folder: Path, is_there: bool) -> Diagnostic:
    """A folder that no search can be resumed from.

    A search writes `search.json` into its folder: what it was asked for. Without it, or when it is of another form,
    the search has to be given in full again; what was evaluated before is still found in the folder.
    """
    problem = "is not what a search writes" if is_there else "is not there"
    return Diagnostic(
        "H622",
        f"no search can be resumed from {quoted(str(folder))}: {FILE} {problem}",
        help=f"start it in full: hiera search SPACE ... -o {folder}",
    )
