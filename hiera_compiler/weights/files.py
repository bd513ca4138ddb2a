"""Checkpoint files as named tensors, mapped from disk where their format allows it."""

from __future__ import annotations

import pickletools
import re
import stat
import warnings
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from hiera_compiler.diagnostics import SpecError
from hiera_compiler.weights import problems

Tensors = dict[str, Tensor]


def read(name: str) -> Iterator[Tensors]:
    """The candidates for a state dict in a safetensors or torch file: the whole, then the dicts inside it, outer first.

    Nothing of a pickle is run. Raises SpecError where the file cannot be read.
    """
    start = _start(name)
    if start[8:9] == b"{" or name.endswith(".safetensors"):
        yield _safetensors(name)
        return
    for entry in _mappings(_torch(name)):
        yield {key: value for key, value in entry.items() if isinstance(key, str) and _is_plain(value)}


def _mappings(loaded: Mapping[Any, Any]) -> Iterator[Mapping[Any, Any]]:
    """A dictionary and those inside it, each once: a pickle can hold one that holds itself."""
    waiting, seen = deque([loaded]), {id(loaded)}
    while waiting:
        entry = waiting.popleft()
        yield entry
        for inner in entry.values():
            if isinstance(inner, Mapping) and id(inner) not in seen:
                seen.add(id(inner))
                waiting.append(inner)


def _start(name: str) -> bytes:
    """The first bytes of a regular file; anything else is refused before it is opened."""
    path = Path(name)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SpecError(problems.unreadable(name, "it is a folder" if path.is_dir() else "it is no regular file"))
        with path.open("rb") as file:
            start = file.read(64)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise SpecError(problems.unreadable(name, (reason or "no such file or directory").lower())) from None
    if not start:
        raise SpecError(problems.not_a_checkpoint(name, "is empty"))
    if start.startswith(b"version https://git-lfs"):
        raise SpecError(problems.not_a_checkpoint(name, "is a Git LFS pointer to the weights", "run `git lfs pull`"))
    return start


def _safetensors(name: str) -> Tensors:
    try:
        with safe_open(name, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - the file is no dict
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, RuntimeError):
        raise SpecError(problems.not_a_checkpoint(name, "is no whole safetensors file")) from None


def _torch(name: str) -> Mapping[object, object]:
    is_zip = zipfile.is_zipfile(name)
    entries = _entries(name) if is_zip else []
    if any("/code/" in entry.filename for entry in entries):
        what = "is a program of TorchScript, which is code"
        raise SpecError(problems.not_a_checkpoint(name, what, "save the state dict of the module that it was made of"))
    # Mapped, compressed bytes would be taken for the weights' own.
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        what = "is a zip archive with compressed entries, and torch writes and maps only plain ones"
        raise SpecError(problems.not_a_checkpoint(name, what, "load the original file, or pack it again with zip -0"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Only torch's zip format can be mapped; files older than 2020 are read whole.
            loaded = torch.load(name, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # noqa: BLE001 - the unpickler raises whatever a damaged stream makes it meet
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        if named or _calls(name):
            raise SpecError(problems.runs_code(name, named and named[1])) from None
        raise SpecError(problems.not_a_checkpoint(name, "is neither a whole torch file nor safetensors")) from None
    if not isinstance(loaded, Mapping):
        raise SpecError(problems.not_a_checkpoint(name, "holds no dictionary of weights"))
    return loaded


def _entries(name: str) -> list[zipfile.ZipInfo]:
    """What a zip archive says that it holds; nothing where it is damaged."""
    with suppress(zipfile.BadZipFile, OSError, ValueError, NotImplementedError), zipfile.ZipFile(name) as archive:
        return archive.infolist()
    return []


def _calls(name: str) -> bool:
    """Whether a file that torch did not write is a pickle that names something to call; it is not unpickled."""
    with Path(name).open("rb") as file, suppress(ValueError, EOFError):
        return any(opcode.name in {"GLOBAL", "STACK_GLOBAL", "INST"} for opcode, _, _ in pickletools.genops(file))
    return False


def _is_plain(value: object) -> bool:
    """Whether this is a dense tensor with all its values in the file: no view that repeats a few of them."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not value.is_nested
        and value.device.type == "cpu"
        and not value.is_quantized
        and value.numel() * value.element_size() <= value.untyped_storage().nbytes()
    )
