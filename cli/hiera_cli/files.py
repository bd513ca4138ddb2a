"""Writing one file, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, content: str | bytes) -> None:
    """Put a text, or bytes, into a file that is replaced at once. Raises SpecError where it cannot be written."""
    from hiera_compiler.artifact.problems import not_written
    from hiera_compiler.diagnostics import SpecError

    data = content.encode() if isinstance(content, str) else content
    try:
        if path.exists() and not path.is_file():
            # A device or a pipe, such as /dev/stdout, is written to, and not replaced. A folder fails here.
            path.write_bytes(data)
            return
        _replace(path.resolve(), data)
    except OSError as error:
        raise SpecError(not_written(path, error)) from None


def _replace(path: Path, data: bytes) -> None:
    from tempfile import mkstemp

    # Beside the file, so that the move stays on one disk and is atomic.
    handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        written.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
