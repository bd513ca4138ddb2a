"""The diagnostics of accuracy estimators and of the rows that users give them: H640 to H654."""

from __future__ import annotations

from collections.abc import Iterable

from hiera_compiler.diagnostics import Diagnostic, Label, Span, SpecError, Text, any_of, code, did_you_mean, quoted

_HEADER = "start the file with the line: spec,metric"


@code("H640")
def unreadable(name: str, reason: str) -> Diagnostic:
    """The file of rows cannot be read.

    Rows are a CSV file in UTF-8 of at most 1 MiB: its first line names the columns `spec`, `metric` and, if wanted,
    `set` and `recipe`; every other line is one trained architecture. The message says what is wrong with the file.
    """
    label = Label(Span(Text(name, ""), 1, 1, 1, 1))
    return Diagnostic("H640", f"{quoted(name, longest=300)} cannot be read: {reason}", (label,), "name a CSV file")


@code("H641")
def column(span: Span, message: str, known: Iterable[str] = (), word: str = "") -> Diagnostic:
    """The first line does not name the columns.

    `spec` is a bundled name or the path of a spec file, seen from the folder of the CSV file, and `metric` a number
    that is higher for a better model. `set` holds settings such as `stages.2.depth=18`, separated by semicolons, and
    `recipe` says in a word how the model was trained.
    """
    near = did_you_mean(word, known) if word else None
    return Diagnostic("H641", message, (Label(span),), f"did you mean {near!r}?" if near else _HEADER)


@code("H642")
def cell_count(span: Span, found: int, wanted: int) -> Diagnostic:
    """A row has more or fewer cells than there are columns.

    Cells are separated by commas. A cell that holds a comma itself is put in double quotes.
    """
    help = 'put a cell that holds a comma in double quotes: "mask_unit=[8, 8]"'
    return Diagnostic(
        "H642", f"this row has {found} cell{'s' * (found != 1)}, and there are {wanted} columns", (Label(span),), help
    )


@code("H643")
def open_quote(span: Span) -> Diagnostic:
    """A double quote inside a cell, or one that is not closed.

    A quoted cell starts and ends with a double quote, with a comma or the line's end behind it, and has two for each
    that it holds.
    """
    label = Label(span, "from here on")
    return Diagnostic("H643", "a double quote is not closed before the cell's end", (label,), "close or remove it")


@code("H644")
def not_a_number(span: Span, word: str) -> Diagnostic:
    """A metric is not a number.

    Metrics are numbers between -1e9 and 1e9, such as 84.5, with a point for the decimals and without a unit.
    Something that went wrong in training, NaN or infinity, is left out of the rows rather than scored.
    """
    return Diagnostic("H644", f"the metric {quoted(word)} is not a number", (Label(span),), "write it as in 84.5")


@code("H645")
def no_spec(span: Span, word: str, error: SpecError) -> Diagnostic:
    """The spec of a row cannot be compiled.

    The notes say what is wrong with it. Paths are seen from the folder of the CSV file.
    """
    shown = error.diagnostics[:3]
    notes = [f"{one.code}: {one.message}" + (f" ({_place(one.span)})" if one.span else "") for one in shown]
    if len(error.diagnostics) > len(shown):
        notes.append(f"and {len(error.diagnostics) - len(shown)} more")
    message = f"the spec {quoted(word)} cannot be compiled"
    return Diagnostic("H645", message, (Label(span),), shown[0].help, tuple(notes))


@code("H646")
def given_twice(span: Span, first: Span) -> Diagnostic:
    """Two rows are of one architecture and one recipe.

    Each would count as if it said something about another architecture, and a row that is left out would still be
    known from its double.
    """
    labels = (Label(span, "again here"), Label(first, "first given here"))
    return Diagnostic("H646", "two rows are of the same architecture", labels, "give the mean of their metrics once")


@code("H647")
def too_few(span: Span, rows: int, wanted: int, recipe: str) -> Diagnostic:
    """There are too few rows.

    A fit needs eight trained architectures, of one recipe, and a rank correlation three; more are better. Rows of
    other recipes are left out, because recipes shift the metric by more than architectures do.
    """
    of = f" of the recipe {quoted(recipe)}" if recipe else ""
    there = "there is 1 row" if rows == 1 else f"there are {rows} rows"
    return Diagnostic("H647", f"{there}{of}, and {wanted} are needed", (Label(span),), "add rows")


@code("H648")
def all_equal(span: Span, rows: int, metric: float) -> Diagnostic:
    """All metrics are equal.

    Where every architecture is as good as any other there is nothing to fit or to rank.
    """
    help = "give rows whose metrics differ"
    return Diagnostic("H648", f"all {rows} rows have the metric {metric:g}", (Label(span),), help)


@code("H649")
def too_many(span: Span, most: int) -> Diagnostic:
    """There are too many rows.

    2000 rows are read at most; a fit of the few numbers here gains nothing from more.
    """
    return Diagnostic("H649", f"there are more than {most} rows", (Label(span, "the limit is passed here"),))


@code("H650")
def no_rung(name: str, known: Iterable[str]) -> Diagnostic:
    """There is no such estimator of accuracy.

    The ladder goes from `capacity`, a size score, by `table`, the paper's published points, to `fitted`, rows of
    your own. Zero-cost proxies are called `proxy:NAME`.
    """
    names = list(known)
    near = did_you_mean(name, names)
    help = f"did you mean {near}? " if near else ""
    return Diagnostic("H650", f"no estimator is called {quoted(name)}", (), f"{help}there are {', '.join(names)}")


@code("H651")
def needs_rows(rung: str) -> Diagnostic:
    """The estimator is fitted on rows, and none are given.

    Give a CSV file of trained architectures, with the columns `spec` and `metric`.
    """
    return Diagnostic("H651", f"{rung} is fitted on rows, and none are given", (), "add --rows FILE.csv")


@code("H652")
def takes_no_rows(rung: str, others: Iterable[str]) -> Diagnostic:
    """Rows are given to an estimator that does not look at any.

    An option that changes nothing is a mistake.
    """
    help = f"leave --rows away, or use --accuracy {any_of(list(others))}"
    return Diagnostic("H652", f"{rung} looks at no rows, and a file of rows is given", (), help)


@code("H653")
def not_finite(rung: str, name: str, value: float) -> Diagnostic:
    """A proxy's score is not a finite number.

    Gradients overflowed or vanished in the untrained network. Such a network is reported, never scored.
    """
    return Diagnostic("H653", f"{rung} of {quoted(name)} is {value:g}", (), "use another proxy or another seed")


@code("H654")
def not_imported(package: str, module: str, error: Exception) -> Diagnostic:
    """A package that adds estimators cannot be imported, or has one whose name is taken.

    Installed packages add estimators through the entry point `hiera_search.accuracy`. The message gives what their
    code raised.
    """
    lines = str(error).splitlines() or [""]
    reason = f"{type(error).__name__}: {lines[0]}"[:300].rstrip(": ")
    message = f"the estimators of the package {quoted(package)} cannot be imported: {reason}"
    note = f"the entry point hiera_search.accuracy names its module {module}"
    help = f"repair the package, or remove it: pip uninstall {package}"
    return Diagnostic("H654", message, (), help, (note,))


def _place(span: Span) -> str:
    return f"{span.text.name}:{span.line}:{span.column}"
