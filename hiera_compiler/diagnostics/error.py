"""The one exception for what a user wrote."""

from collections.abc import Iterable

from hiera_compiler.diagnostics.model import Diagnostic
from hiera_compiler.diagnostics.render import render


class SpecError(Exception):
    """Every problem found at once in what the user wrote; `str()` is the rendered text."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        given = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        super().__init__(given)
        self.diagnostics: tuple[Diagnostic, ...] = given

    def __str__(self) -> str:
        return render(self.diagnostics)
