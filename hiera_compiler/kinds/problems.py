"""The diagnostics of packages that add kinds: H901 to H906."""

from collections.abc import Sequence

from hiera_compiler.diagnostics import Diagnostic, code, did_you_mean, quoted

_LONGEST = 300


def reason_of(error: BaseException) -> str:
    """The first line of what was raised."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:_LONGEST].rstrip(": ")


@code("H901")
def not_imported(package: str, group: str, module: str, error: Exception) -> Diagnostic:
    """A package that adds kinds cannot be imported.

    Installed packages add kinds through the entry point `hiera_compiler.kinds`, and are imported before the first
    spec is read, because the language depends on them. The message gives what their code raised.
    """
    return Diagnostic(
        "H901",
        f"the {group} kinds of the package {quoted(package)} cannot be imported: {reason_of(error)}",
        (),
        f"repair the package, or remove it: pip uninstall {package}",
        (f"the entry point hiera_compiler.kinds names its module {module}",),
    )


@code("H902")
def name_taken(package: str, group: str, name: str, module: str) -> Diagnostic:
    """Two kinds of one group have the same name.

    A spec chooses a kind by its name alone, so that two of one name could not be told apart.
    """
    return Diagnostic(
        "H902",
        f"the package {quoted(package)} has {group} kind {quoted(name)}, which {module} has already",
        (),
        f"rename its kind, or remove the package: pip uninstall {package}",
    )


@code("H903")
def failed(package: str, function: str, place: str, error: BaseException) -> Diagnostic:
    """The code of a package that adds kinds failed.

    A kind's methods run when a spec is checked and compiled, and what computes its primitives when a model runs. What
    they raise beyond what they refuse (`ShapeError`, `builder.refuse`) is a bug of the package, not of the spec and
    not of the compiler. In Python the error itself is raised, with its traceback.
    """
    return Diagnostic(
        "H903",
        f"{function} of the package {quoted(package)} failed: {reason_of(error)}",
        (),
        "report this to the authors of the package, or choose another kind",
        (f"it stands in {place}",),
    )


@code("H904")
def unknown_group(package: str, name: str, known: Sequence[str]) -> Diagnostic:
    """A package declares an entry point that nothing reads.

    Kinds are declared in the entry point group `hiera_compiler.kinds`, each under the name of its group of kinds, as
    `attention`; export formats in `hiera_compiler.formats`. Under another name they would be silently left out.
    """
    near = did_you_mean(name, known)
    return Diagnostic(
        "H904",
        f"the package {quoted(package)} declares {quoted(name)}, which is not among {', '.join(known)}",
        (),
        f"did you mean {quoted(near)}?" if near else f"repair the package, or remove it: pip uninstall {package}",
    )


@code("H905")
def not_carried(package: str, name: str, reference: str, reason: str) -> Diagnostic:
    """What computes a package's primitive cannot be carried by an emitted file.

    A model as a file needs torch alone, so it carries the text of each function and class that it calls. These stand
    at the top of the module that the primitive names, under names of their own, and use nothing but each other,
    Python's builtins, what `hiera_compiler.emit.prelude` imports and defines, and what `hiera_compiler.emit.functions`
    defines; arguments are numbers, words, none, and tuples of those.
    """
    return Diagnostic(
        "H905",
        f"{name} of the package {quoted(package)} cannot be written into a model's file: {reason}",
        (),
        f"repair the package, or remove it: pip uninstall {package}",
        (f"tensors are computed by {reference}",),
    )


@code("H906")
def other_weights(package: str, name: str, reference: str, weight: str, listed: str, found: str) -> Diagnostic:
    """What computes a package's primitive has other weights than the primitive lists.

    Cost, memory and checkpoints go by what `weights` lists. The module that `tensors` names must have parameters of the
    same names and shapes, and no others; a function has none.
    """
    return Diagnostic(
        "H906",
        f"{name} of the package {quoted(package)} lists the weight {weight} as {listed}, and its module has {found}",
        (),
        "report this to the authors of the package, or choose another kind",
        (f"tensors are computed by {reference}",),
    )
