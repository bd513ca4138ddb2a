"""The diagnostics of finding and opening a file: H001 to H005."""

import errno
import os
from pathlib import Path

from hiera_compiler import bundled
from hiera_compiler.diagnostics import Diagnostic, Label, Span, Text, code, did_you_mean, quoted
from hiera_compiler.source.limits import MAX_BYTES
from hiera_compiler.source.names import SUFFIXES, entries, is_path, near_file


@code("H001")
def not_found(name: str, what: str = "spec") -> Diagnostic:
    """There is no such spec, or space.

    A spec is named by its file, as in `specs/mine.yaml`, or by a bundled name, as in `hiera_b` or
    `detection/hiera_b`; a space too. `hiera specs` lists the bundled names of both, `hiera specs detection` the specs
    in that folder.
    """
    folder = bundled.folder_of(name)
    if is_path(name) and folder is None:
        near = near_file(name) or (None if name.endswith(SUFFIXES) else _near_in_folders(name))
        help = f"did you mean {_path(near)}?" if near else "name a file, or a spec that `hiera specs` lists"
        return Diagnostic("H001", f"no file {_path(name)}", (_whole(name),), help)
    if folder is not None:
        near = None if name == folder else near_file(name) or _near_in_folders(name)
        lists = f"`hiera specs {folder}` lists the names in it"
    else:
        both = [*bundled.names(), *bundled.spaces()]
        first = did_you_mean(name, bundled.spaces()) if what == "space" else None  # though a spec is a space of one
        near = first or did_you_mean(name, both) or near_file(name)
        lists = "`hiera specs` lists the names"
    suggestion = f"did you mean {_path(near)}? " if near else ""
    return Diagnostic("H001", f"no {what} named {_path(name)}", (), f"{suggestion}{lists}")


def _near_in_folders(name: str) -> str | None:
    """The bundled name in a folder that begins with this one, or comes close to it."""
    known = [spec for folder in bundled.folders() for spec in bundled.folder(folder)]
    return next((spec for spec in known if spec.startswith(name)), None) or did_you_mean(name, known)


@code("H002")
def not_a_file(name: str, is_folder: bool) -> Diagnostic:
    """The path is not a file.

    Folders, pipes and devices are not read: a spec is a regular file.
    """
    found = "a folder" if is_folder else "not a regular file"
    help = None
    if is_folder:
        inside = sorted(entry for entry in entries(Path(name)) if entry.endswith(SUFFIXES))
        help = f"name a file in it, such as {_path(str(Path(name) / inside[0]))}" if inside else None
    return Diagnostic("H002", f"{_path(name)} is {found}", (_whole(name),), help)


@code("H003")
def not_readable(name: str, reason: str) -> Diagnostic:
    """The file cannot be read.

    The operating system refused to open or read it; the message gives its reason.
    """
    help = f"give yourself the right to read it: chmod u+r {name}" if reason == "permission denied" else None
    return Diagnostic("H003", f"{_path(name)} cannot be read: {reason}", (_whole(name),), help)


@code("H004")
def too_large(name: str, size: int) -> Diagnostic:
    """The file is too large for a spec.

    Specs have a few kilobytes; files over 1 MiB are not read.
    """
    message = f"{_path(name)} has {size} bytes, and a spec has at most {MAX_BYTES}"
    return Diagnostic("H004", message, (_whole(name),), "check that this is the file you meant")


@code("H005")
def not_utf8(name: str, content: bytes, offset: int) -> Diagnostic:
    """The file is not UTF-8 text.

    The message gives the first byte that is not part of a UTF-8 character, and its offset from the start of
    the file.
    """
    text = Text(name, content.decode(errors="replace"))
    before = Text(name, content[:offset].decode(errors="replace")).lines
    span = Span(text, len(before), len(before[-1]) + 1, len(before), len(before[-1]) + 2)
    message = f"byte 0x{content[offset]:02x} at offset {offset} is not UTF-8"
    return Diagnostic("H005", message, (Label(span),), "save the file with the encoding UTF-8")


def unopened(name: str, error: Exception) -> Diagnostic:
    """The diagnostic for a failed open or read."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG) or not isinstance(error, OSError):
        return not_found(name)
    return not_readable(name, os.strerror(number or errno.EIO).lower())


def _path(name: str) -> str:
    # Paths are shown whole; only what cannot be one is cut.
    return quoted(name, longest=300)


def _whole(name: str) -> Label:
    return Label(Span(Text(name, ""), 1, 1, 1, 1))
