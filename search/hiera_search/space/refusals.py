"""Refusals: choices for which a tie has no value. They are counted by code, like what the rules refuse."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from hiera_compiler.diagnostics import code, quoted

if TYPE_CHECKING:
    from hiera_search.space.template import Product


class Refused(Exception):  # noqa: N818 - not an error: most points of a space may be refused
    """A choice that makes no spec: the code of the reason, and a message about this choice."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[Refused], tuple[str, str]]:
        return type(self), (self.code, self.message)


@code("H612")
def not_whole(tie: Product, above: Fraction, over: Fraction) -> Refused:
    """A tie of whole numbers does not come out whole.

    `{tie: width, over: 32}` is 3 where width is 96, and nothing where it is 100: that candidate is refused, and
    counted. Where one of the numbers is written with a decimal point, as in `over: 2.0`, the result may be a decimal.
    """
    return Refused("H612", f"{quoted(tie.name)} does not come out whole: {above} / {over}")


@code("H613")
def not_a_number(name: str) -> Refused:
    """A tie reckons with what is not a number, or with a number beyond reckoning.

    `times` and `over` take finite numbers up to 10^18, and no zero in `over`.
    """
    return Refused("H613", f"{quoted(name)} is not a finite number here")


def by_zero(tie: Product) -> Refused:
    """A tie that divides by zero."""
    return Refused("H613", f"{quoted(tie.name)} is divided by zero here")


def operand_too_large(name: str) -> Refused:
    """A tie with a number of too many digits."""
    return Refused("H613", f"{quoted(name)} is beyond 10^18 here")


def too_large(tie: Product) -> Refused:
    """A tie whose result has too many digits."""
    return Refused("H613", f"what {quoted(tie.name)} comes to here is beyond 10^18")


@code("H611")
def no_case(name: str, word: str | None, cases: Sequence[str]) -> Refused:
    """A name has a value for which there is no case.

    `{tie: NAME, cases: {...}}` says what stands there for every value of NAME. Values are words, numbers, booleans
    and null; lists and mappings have no case.
    """
    shown = "a list or a mapping" if word is None else quoted(word)
    return Refused("H611", f"{quoted(name)} is {shown}, and the cases are {', '.join(map(quoted, cases[:8]))}")
