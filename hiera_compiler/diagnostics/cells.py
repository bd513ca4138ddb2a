"""Characters as a terminal shows them: escaped where unsafe, and with their width."""

import unicodedata

_TAB = "    "
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def cell(character: str) -> tuple[str, int]:
    """What to print for one character, and how many columns it takes.

    Control, format and unassigned characters become escapes: they could move the cursor or turn the text
    around.
    """
    if " " <= character <= "~":
        return character, 1
    if character == "\t":
        return _TAB, len(_TAB)
    category = unicodedata.category(character)
    if category in _UNSAFE:
        escape = character.encode("unicode_escape", "surrogatepass").decode("ascii")
        return escape, len(escape)
    if category in {"Mn", "Me"}:
        return character, 0
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1


def printable(text: str) -> str:
    """`text` on one line, safe for a terminal."""
    return "".join(cell(character)[0] for character in text.replace("\n", " "))
