"""What went wrong, where it is, and what to do: data first, rendered late."""

from hiera_compiler.diagnostics.codes import code, codes, explanation
from hiera_compiler.diagnostics.error import SpecError
from hiera_compiler.diagnostics.model import Diagnostic, Label, Span, Text
from hiera_compiler.diagnostics.render import render
from hiera_compiler.diagnostics.words import any_of, did_you_mean, quoted, times

__all__ = [
    "Diagnostic",
    "Label",
    "Span",
    "SpecError",
    "Text",
    "any_of",
    "code",
    "codes",
    "did_you_mean",
    "explanation",
    "quoted",
    "render",
    "times",
]
