"""The diagnostics of reading one text: H006 to H018."""

from hiera_compiler.diagnostics import Diagnostic, Label, Span, Text, code, did_you_mean, quoted
from hiera_compiler.source.limits import MAX_DEPTH, MAX_NODES
from hiera_compiler.source.scalars import LONGEST_NUMBER


def span_at(text: Text, start: int, end: int) -> Span:
    """The place of the characters from `start` to `end`, which lie on one line."""
    lines = Text("", text.content[:start]).lines
    column = len(lines[-1]) + 1
    return Span(text, len(lines), column, len(lines), column + end - start)


@code("H006")
def hidden_character(text: Text, index: int) -> Diagnostic:
    r"""A character that editors do not show.

    Control characters, byte order marks inside the text and the rare line breaks U+0085, U+2028 and U+2029
    look like nothing or like a space. Remove the character, or write it as an escape in double quotes, such
    as "\x00".
    """
    label = Label(span_at(text, index, index + 1))
    message = f"a hidden character, U+{ord(text.content[index]):04X}"
    return Diagnostic("H006", message, (label,), "remove it, or write it as an escape in double quotes")


@code("H007")
def empty(text: Text) -> Diagnostic:
    """The spec is empty.

    The file has no content, or only comments. The smallest spec names a base: `extends: hiera_b`.
    """
    label = Label(Span(text, 1, 1, 1, 1))
    return Diagnostic("H007", "the spec is empty", (label,), "start from a base: extends: hiera_b")


@code("H009")
def second_document(span: Span) -> Diagnostic:
    """More than one document in a file.

    A line `---` starts another YAML document. One file holds one spec.
    """
    return Diagnostic(
        "H009",
        "the file holds more than one document",
        (Label(span, "a second one starts here"),),
        "move each spec to a file of its own",
    )


@code("H010")
def not_mapping(span: Span, found: str) -> Diagnostic:
    """The spec is not a mapping.

    At its top level a spec is a mapping of fields, one `key: value` per line.
    """
    label = Label(span, f"this is {found}")
    return Diagnostic("H010", "a spec is a mapping of fields", (label,), "write fields such as: extends: hiera_b")


@code("H011")
def too_deep(span: Span) -> Diagnostic:
    """Nesting is too deep.

    Lists and mappings may lie 64 deep in each other; no spec needs more than 6.
    """
    message = f"values are nested more than {MAX_DEPTH} deep"
    return Diagnostic("H011", message, (Label(span, f"level {MAX_DEPTH + 1}"),), "close a bracket or reduce the indent")


@code("H012")
def too_many_values(span: Span, by_alias: bool) -> Diagnostic:
    """The spec has too many values.

    A spec may hold 100 000 keys and values, counting each alias as all that it stands for, so that reading
    and checking any text ends soon.
    """
    seen = "this alias passes the limit" if by_alias else "the limit is passed here"
    return Diagnostic("H012", f"the spec has more than {MAX_NODES} values", (Label(span, seen),))


@code("H013")
def alias(span: Span, name: str, inside: bool, known: list[str]) -> Diagnostic:
    """An alias stands for nothing.

    `*name` repeats the value that `&name` marked earlier in the same file. It cannot repeat a value that it
    is part of.
    """
    if inside:
        return Diagnostic("H013", f"the alias {quoted(name)} is part of the value it repeats", (Label(span),))
    near = did_you_mean(name, known)
    help = f"did you mean '*{near}'?" if near else "mark a value above with '&NAME', or quote the text"
    return Diagnostic("H013", f"no value is marked as {quoted(name)}", (Label(span),), help)


@code("H014")
def tag(span: Span, name: str) -> Diagnostic:
    """A tag on a value.

    YAML tags such as `!!python/object` or `!include` are not part of the spec language: a spec is plain data.
    """
    name = name.replace("tag:yaml.org,2002:", "!!")
    help = "remove the tag, or quote a text that starts with '!'"
    return Diagnostic("H014", f"a spec has no tags, and here is {quoted(name)}", (Label(span),), help)


@code("H015")
def merge_key(span: Span) -> Diagnostic:
    """A merge key.

    `<<` copied keys in YAML 1.1. Specs build on each other by `extends`, which says where each value came
    from.
    """
    help = "use 'extends: NAME' at the top of the spec, or repeat the value with an alias"
    return Diagnostic("H015", "merge keys '<<' are not part of the spec language", (Label(span),), help)


@code("H016")
def duplicate_key(key: str | int, span: Span, first: Span) -> Diagnostic:
    """A key is given twice.

    YAML readers keep the last of two equal keys without a word. Here it is an error.
    """
    labels = (Label(span, "again here"), Label(first, "first given here"))
    return Diagnostic("H016", f"the key {quoted(key)} is given twice", labels, "remove one of the two")


@code("H017")
def key_form(span: Span, key: object) -> Diagnostic:
    """A key is not a word.

    Keys are words, or whole numbers where a mapping picks items of a list (`stages: {2: {depth: 18}}`).
    Unquoted `true`, `null` and `1.5` are a boolean, a null and a number; a list or mapping cannot be a key.
    """
    help = "quote it if it is meant as a word" if not isinstance(key, dict | list) else "use a word as the key"
    return Diagnostic("H017", f"a key is a word, and this is {form(key)}", (Label(span),), help)


@code("H018")
def number_too_long(span: Span, word: str) -> Diagnostic:
    """A number is too long.

    Numbers have at most 40 characters and fit a 64-bit float; no size, count or rate of a model needs more.
    """
    if len(word) > LONGEST_NUMBER:
        message = f"a number of {len(word)} characters, and the longest allowed has {LONGEST_NUMBER}"
    else:
        message = f"the number {word} is beyond the range of a float"
    return Diagnostic("H018", message, (Label(span),), "write a smaller number, or quote it if it is a text")


def form(value: object) -> str:
    """What a value is, in a message: a list, a mapping, the number 3."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    return f"the text {quoted(value)}" if isinstance(value, str) else f"the number {value}"
