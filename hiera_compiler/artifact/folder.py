"""A folder that is written as a whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hiera_compiler.artifact import problems
from hiera_compiler.artifact.problems import BuildError
from hiera_compiler.artifact.report import KIND

SUMMARY = "summary.json"

_MAX_SUMMARY = 1 << 24
"""Bytes; a summary that a build wrote has a few thousand."""


@contextmanager
def replaced(folder: Path, force: bool) -> Iterator[Path]:
    """A new empty folder that takes the place of ``folder`` once the block is done.

    On any error, and on Ctrl-C, it is removed and ``folder`` is as it was. Raises BuildError where ``folder``
    may not be replaced (unless forced) or cannot be written.
    """
    with writing(folder):
        # The folder itself is replaced, not a link to it.
        target = Path(os.path.realpath(folder))
    require_replaceable(target, folder, force)
    with _parents(target, folder):
        # Beside the target: renaming works within one file system only.
        new = target.parent / f".hiera-{secrets.token_hex(4)}.partial"
        with writing(folder):
            new.mkdir()
        try:
            yield new
            with writing(folder):
                _flush(new)
                require_replaceable(target, folder, force)
                _swap(new, target)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise


def require_replaceable(target: Path, shown: Path, force: bool) -> None:
    """Raise BuildError where ``target`` holds what a build must not remove; ``shown`` is what the user wrote."""
    with writing(shown):
        if target.is_symlink():  # resolved, and still a link: one that leads back to itself
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if not target.exists():
            return
        if not target.is_dir():
            raise BuildError(problems.not_a_folder(shown))
        for place in (Path.cwd(), Path.home()):
            if place.resolve().is_relative_to(target):
                raise BuildError(problems.folder_in_use(shown, place))
        strays = [] if force else _strays(target)
    if strays:
        raise BuildError(problems.foreign_folder(shown, strays))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns failures to write into a BuildError about ``path``."""
    try:
        yield
    except OSError as error:
        raise BuildError(problems.not_written(path, error)) from error
    except Exception as error:
        # torch and safetensors have errors of their own for a full disk.
        if "No space left" not in str(error) and not _is_full(path):
            raise
        raise BuildError(problems.not_written(path, error)) from error


def require_space(folder: Path, shown: Path, needed: int) -> None:
    """Raise BuildError where the disk of ``folder`` has fewer than ``needed`` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BuildError(problems.disk_too_small(shown, needed, free))


def _is_full(path: Path) -> bool:
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    return shutil.disk_usage(existing).free < 1 << 20


def _strays(folder: Path) -> list[str]:
    """What is in a folder and was not written by a build; importing ``model.py`` leaves a cache, which may go."""
    found = {entry.name for entry in folder.iterdir()} - {"__pycache__"}
    return sorted(found - _listed(folder))


def _listed(folder: Path) -> set[str]:
    """The files that a summary lists; none where there is no summary of ours, whatever else is in its place."""
    file = folder / SUMMARY
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_SUMMARY:
            return set()
        summary = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return set()
    files = summary.get("files") if isinstance(summary, dict) and summary.get("artifact") == KIND else None
    return {SUMMARY, *files} if isinstance(files, dict) else set()


@contextmanager
def _parents(target: Path, shown: Path) -> Iterator[None]:
    """The folders above ``target``, made if need be; those that it made go again when the block fails."""
    with writing(shown):
        missing = [parent for parent in target.parents if not parent.exists()]
        nearest = target.parents[len(missing)]
        if not nearest.is_dir():
            raise BuildError(problems.not_a_folder(nearest))
    try:
        with writing(shown):
            target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in missing:
            try:
                parent.rmdir()
            except OSError:  # never made, or in use by now
                break
        raise


def _flush(folder: Path) -> None:
    """Have the disk hold every file before the folder gets its name."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _swap(new: Path, target: Path) -> None:
    if not target.exists():
        new.rename(target)
        return
    old = new.with_suffix(".old")
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
