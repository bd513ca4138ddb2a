"""Reading a result of a search again."""

from __future__ import annotations

import json
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hiera_compiler.diagnostics import SpecError
from hiera_search.report import problems
from hiera_search.report.form import FORMAT, Front

FILE = "front.json"
_LARGEST = 1 << 28
"""Bytes; the front of a large space with its cloud has a few million."""


def read_front(folder: str | PathLike[str]) -> Front:
    """The result in a folder that a search has written.

    Raises SpecError where there is none (H690), where it is cut short or something else (H691), of another format
    (H692), or has values that no search writes (H693).
    """
    path = Path(folder)
    file = path / FILE
    data = _parsed(path, file)
    if not isinstance(data, dict) or "format" not in data:
        raise SpecError(problems.not_a_front(file, "it names no format"))
    if data["format"] != FORMAT:
        raise SpecError(problems.other_format(file, data["format"], FORMAT))
    try:
        return Front.model_validate(data)
    except ValidationError as error:
        places = [".".join(str(part) for part in found["loc"]) for found in error.errors()]
        raise SpecError(problems.not_in_form(file, list(dict.fromkeys(places)))) from None


def _parsed(folder: Path, file: Path) -> Any:
    try:
        if folder.exists() and not folder.is_dir():
            raise SpecError(problems.not_a_folder(folder))
        if not file.exists():
            raise SpecError(problems.no_result(folder))
        if not file.is_file():
            raise SpecError(problems.not_a_front(file, "it is not a file"))
        size = file.stat().st_size
        if size > _LARGEST:
            raise SpecError(problems.not_a_front(file, f"it has {size} bytes, more than any result"))
        content = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(problems.not_a_front(file, (error.strerror or "it cannot be read").lower())) from None
    except UnicodeDecodeError:
        raise SpecError(problems.not_a_front(file, "it is not text")) from None
    try:
        return json.loads(content, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise SpecError(problems.not_a_front(file, "it is nested too deeply")) from None
    except ValueError:
        cut = content.lstrip()[:1] in ("{", "") and not content.rstrip().endswith("}")
        raise SpecError(problems.not_a_front(file, "it is cut short" if cut else "it is not JSON")) from None


def _finite(text: str) -> float:
    """A number of JSON, which has no infinities; raises ValueError for `Infinity` and `NaN`, and for 1e999."""
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value
