"""What the YAML parser stumbled over, in our words."""

from typing import Any

import yaml

from hiera_compiler.diagnostics import Diagnostic, Label, Span, Text, code

# Part of the parser's text, our message, help. The first match counts; the C and the Python parser word some
# differently.
_PROBLEMS: tuple[tuple[str, str, str | None], ...] = (
    (
        "mapping values are not allowed",
        "a second ': ' where the value of a key was expected",
        "start a new line at the same indent as the other keys, or quote a value that holds ': '",
    ),
    (
        "block sequence entries are not allowed",
        "a list item '- ' does not fit here",
        "put '- ' on a line of its own below the key",
    ),
    (
        "mapping keys are not allowed",
        "a '? ' key does not fit here",
        "write keys as 'key: value'",
    ),
    ("could not find expected ':'", "a line without ': ' between the keys", "write it as 'key: value'"),
    ("cannot start any token", "this character cannot start a value", "quote the value"),
    ("a tab character", "a tab is used for indentation", "indent with spaces"),
    ("unexpected end of stream", "the quotes opened here never close", "add the closing quote"),
    ("document indicator", "the quotes opened here never close", "add the closing quote"),
    ("escape c", "an unknown escape in double quotes", "write '\\\\' for a backslash, or use single quotes"),
    (
        "expected hexdecimal number",
        "an escape without its hexadecimal digits",
        "write '\\\\' for a backslash",
    ),
    (
        "',' or ']'",
        "the list is not closed or lacks a ','",
        "separate items by ', ' and close the list with ']'",
    ),
    ("',' or '}'", "the mapping is not closed or lacks a ','", "separate keys by ', ' and close it with '}'"),
    (
        "expected key",
        "this line does not fit the indent of the keys above",
        "give all keys of a mapping one indent",
    ),
    (
        "expected <block end>",
        "this line does not fit the indent above",
        "give all keys of a mapping one indent",
    ),
    (
        "'-' indicator",
        "this line does not fit the indent of the list above",
        "give all '- ' of a list one indent",
    ),
    ("node content", "a value was expected here", "write a value, or remove what asks for one"),
    ("<document start>", "more text after the end of the spec", "keep one mapping in the file"),
    (
        "alphabetic or numeric",
        "an anchor or alias without a name",
        "quote a value that starts with '&' or '*'",
    ),
    ("YAML", "a %YAML line that is not version 1.2", "remove the line"),
    ("directive", "an unknown '%' line", "remove the line, or quote a value that starts with '%'"),
    ("tag", "a tag that cannot be read", "specs have no tags: quote a value that starts with '!'"),
    ("indentation indicator", "an indentation indicator of 0", "use a digit from 1 to 9, or none"),
    ("comment or line break", "text where the line should end", "put a space before '#', or remove the text"),
)
_CONTEXTS: tuple[tuple[str, str], ...] = (
    ("flow sequence", "the list starts here"),
    ("flow mapping", "the mapping starts here"),
    ("block mapping", "the keys start here"),
    ("block collection", "the list starts here"),
)
# What does not continue the mapping above, by its indent or because the value has ended.
_MISFITS = ("expected key", "<block end>")
# The parser notices these late; where they start is where the mistake is.
_STARTS = ("could not find expected ':'", "unexpected end of stream", "document indicator")


@code("H008")
def not_yaml(text: Text, error: yaml.YAMLError) -> Diagnostic:
    """The text is not YAML.

    A spec is a YAML 1.2 mapping: `key: value` lines at one indent, lists as `- item` lines or `[a, b]`, and
    mappings in a line as `{kind: max, stride: 2}`. Values that hold `: ` or ` #`, or that start with one of
    `&*!%@[]{}`, need quotes.
    """
    problem = str(getattr(error, "problem", None) or "")
    context = str(getattr(error, "context", None) or "")
    mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if start is not None and any(part in problem for part in _STARTS):
        mark, start = start, None
    place = _point(text, mark)
    labels = [Label(place)]
    seen = next((seen for part, seen in _CONTEXTS if part in context), None)
    if seen and start is not None and start.line + 1 != place.line:
        labels.append(Label(_point(text, start), seen))
    message, help = _words(f"{problem} {context}", place)
    return Diagnostic("H008", message, tuple(labels), help)


def _words(problem: str, place: Span) -> tuple[str, str | None]:
    """Message and help for the parser's problem at a place."""
    line = place.text.lines[place.line - 1]
    before, here = line[: place.column - 1], line[place.column - 1 : place.column]
    if here == "\t" and not before.strip():
        return "a tab is used for indentation", "indent with spaces"
    if any(part in problem for part in _MISFITS) and before.strip():
        return "text after the end of the value", "quote the value as a whole, or put ' #' before a comment"
    for part, message, help in _PROBLEMS:
        if part in problem:
            return message, help
    return "the text cannot be read as YAML from here on", None


def _point(text: Text, mark: Any) -> Span:
    """One character at a mark; at the end of the text, the end of the last line that is not blank."""
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    if line >= len(text.lines) or (line == len(text.lines) - 1 and not text.lines[line]):
        line = max((number for number, content in enumerate(text.lines) if content.strip()), default=0)
        column = len(text.lines[line])
    return Span(text, line + 1, column + 1, line + 1, column + 2)
