"""The diagnostics of kinds that other packages add: H901 and H902."""

from hiera_compiler.diagnostics import Diagnostic, code, quoted

_LONGEST = 300


@code("H901")
def not_imported(package: str, group: str, module: str, error: Exception) -> Diagnostic:
    """A package that adds kinds cannot be imported.

    Installed packages add kinds through the entry point `hiera_compiler.kinds`, and are imported before the first
    spec is read, because the language depends on them. The message gives what their code raised.
    """
    lines = str(error).splitlines() or [""]
    reason = f"{type(error).__name__}: {lines[0]}"[:_LONGEST].rstrip(": ")
    return Diagnostic(
        "H901",
        f"the {group} kinds of the package {quoted(package)} cannot be imported: {reason}",
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
