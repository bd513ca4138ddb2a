"""The diagnostics of loading weights: H801 to H808."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hiera_compiler.diagnostics import Diagnostic, Label, Span, Text, any_of, code

_SHOWN = 5


@code("H801")
def unreadable(name: str, reason: str) -> Diagnostic:
    """The weights file cannot be opened.

    The message gives the reason of the operating system.
    """
    folder = Path(name).parent
    help = "name a .safetensors, .pth, .pt or .bin file"
    if reason == "permission denied":
        help = f"give yourself the right to read it: chmod u+r {name}"
    elif not folder.exists():
        help = f"there is no folder '{folder}' either: check the path"
    return Diagnostic("H801", f"the weights cannot be read: {reason}", (_file(name),), help)


@code("H802")
def runs_code(name: str, called: str | None) -> Diagnostic:
    """The weights file is a pickle that may run code.

    Torch files are pickles, and a pickle can name any function to be called while it is read. Only files that
    hold nothing but tensors, numbers, texts and containers of these are read. Training scripts often store
    their options beside the weights (argparse.Namespace), which is harmless but cannot be told from harm.
    """
    what = f"asks for {called} to be run" if called else "asks for code to be run"
    return Diagnostic(
        "H802",
        f"the file {what} when it is read, and was not read",
        (_file(name),),
        "where you trust the file, read it with torch and save only its state dict, "
        "as safetensors.torch.save_file(state_dict, 'weights.safetensors')",
    )


@code("H803")
def not_a_checkpoint(name: str, what: str, help: str | None = None) -> Diagnostic:
    """The file is no checkpoint that can be read.

    Read are safetensors files and files of torch.save that hold a state dict, alone or inside
    dictionaries. A download that was cut off gives this too.
    """
    help = help or "name a safetensors file, or a file that torch.save made of a state dict; if it is, copy it again"
    return Diagnostic("H803", f"the file {what}", (_file(name),), help)


@code("H804")
def unknown_layout(name: str, keys: Sequence[str], layouts: Sequence[str]) -> Diagnostic:
    """No model of the family is recognised in the checkpoint's keys.

    The key layout is told by the patch embedding and the blocks, under any prefix. The weights of another
    architecture, of a head alone or of an adapter have no such keys.
    """
    shown = ", ".join(key[:80] for key in keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
    unknown = "none of the file's keys is a patch embedding of a known layout"
    message = unknown if keys else "the file holds no named weights"
    return Diagnostic(
        "H804",
        message,
        (_file(name),),
        f"load a checkpoint in the layout of {any_of(layouts)}",
        (f"the {'keys are' if len(keys) > 1 else 'only key is'} {shown}",) if keys else (),
    )


@code("H805")
def other_architecture(name: str, differences: Sequence[str], holds: str, specs: Sequence[str]) -> Diagnostic:
    """The checkpoint is of another architecture than the spec.

    Every weight of patch embedding, position and blocks must be in the file with the shape that the spec gives
    it, and the file must hold no others of these; else the model would compute something else than what was
    trained. Only tables of positions are resized, and only a head for another number of classes is skipped.
    """
    shown = list(differences[:_SHOWN])
    if len(differences) > _SHOWN:
        shown.append(f"and {len(differences) - _SHOWN} more")
    help = f"this file fits {' and '.join(specs)}" if specs else "use the spec that these weights were trained with"
    return Diagnostic(
        "H805",
        f"the checkpoint and the spec differ in {len(differences)} weight{'s' if len(differences) > 1 else ''}",
        (_file(name),),
        help,
        (*shown, holds),
    )


@code("H806")
def table_does_not_resize(name: str, table: str, shape: tuple[int, ...], grid: tuple[int, ...]) -> Diagnostic:
    """A position table of the checkpoint cannot be brought to the spec's input size.

    A table of rows is resized if its rows make a square, or a grid of the spec's proportions; for clips, if
    they do so for the spec's number of frames, or are whole frames of the spec's size; where the file has tables of
    space and of time beside it, these tell its grid. A table of relative positions
    in a window has a row for each offset: the square of an odd number.
    """
    return Diagnostic(
        "H806",
        f"{table} has the shape {list(shape)} in the file, from which no grid like {list(grid)} can be told",
        (_file(name),),
        "set the spec's input size, and its windows, to those of training, or to sides in the same proportion",
    )


@code("H807")
def window_position(
    name: str, key: str, window: Sequence[int], base: Sequence[int], specs: Sequence[str]
) -> Diagnostic:
    """The checkpoint's position embedding has a part for the place inside a window, and the spec's has not.

    SAM 2 and timm's abswin models add a small global table, enlarged, and a window's table, repeated
    ("Window Attention is Bugged", Bolya et al., 2023). To drop the window's part would change what the
    model computes.
    """
    sides = [list(shape[-2:] if len(shape) == 4 else default) for shape, default in ((base, (7, 7)), (window, (8, 8)))]
    help = f"use a spec with position: {{kind: abswin, base: {sides[0]}, window: {sides[1]}}}"
    return Diagnostic(
        "H807",
        f"the checkpoint has an absolute-window position embedding ({key}), and the spec has none",
        (_file(name),),
        f"this file fits {' and '.join(specs)}" if specs else help,
    )


@code("H808")
def norm_of_mean(name: str, key: str) -> Diagnostic:
    """The checkpoint's head norms the mean of all tokens, and the spec's head norms tokens before it pools them.

    MAE fine-tunes so, and the norm is called fc_norm. The weights have the same names and shapes, and the outputs
    would be others. A head for another number of classes starts anew, and may then read what the spec says.
    """
    return Diagnostic(
        "H808",
        f"the checkpoint's head norms the mean of the tokens ({key}), and the spec's head norms tokens before it pools",
        (_file(name),),
        "set head.pooling to mean and head.norm to after",
    )


def _file(name: str) -> Label:
    return Label(Span(Text(name, ""), 1, 1, 1, 1))
