"""Reading: a tree with holes → templates. A name is read where it is first used."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from hiera_compiler.diagnostics import Diagnostic, Span, SpecError
from hiera_compiler.source import HOLE_WORDS, is_hole
from hiera_compiler.source.tree import Entry, Key, Node, Path
from hiera_search.space import name_problems, problems
from hiera_search.space.cases import open_holes, options_by_case, unmatched, word_under
from hiera_search.space.filling import plain
from hiera_search.space.holes import Holes
from hiera_search.space.limits import MAX_OPTIONS
from hiera_search.space.numbers import exact, range_of
from hiera_search.space.template import (
    Cases,
    Fields,
    Fixed,
    Items,
    Options,
    Product,
    Template,
    Tie,
    names_in,
    support,
    walk,
)

_BESIDE = {"choose": (), "range": (), "tie": ("times", "over", "cases")}


@dataclass
class Reading:
    """The templates of names, the holes, and what is wrong, as far as it is read."""

    let: Mapping[str, Entry]
    names: dict[str, Template] = field(default_factory=dict)
    supports: dict[str, frozenset[int]] = field(default_factory=dict)
    holes: Holes = field(default_factory=Holes)
    found: list[Diagnostic] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def template(self, node: Node, path: Path) -> Template:
        """The template of a tree whose place in the space is `path`; of what is wrong, an empty value."""
        value = node.value
        if is_hole(value):
            assert isinstance(value, dict)
            try:
                return self.hole(value, node.span, path)
            except SpecError as error:
                self.found.extend(error.diagnostics)
                return Fixed(Node(None, node.span))
        if isinstance(value, dict):
            read = {key: self.template(entry.node, (*path, key)) for key, entry in value.items()}
            if all(isinstance(inner, Fixed) for inner in read.values()):
                return Fixed(node)
            return Fields({key: (value[key].key, inner) for key, inner in read.items()}, node.span)
        if isinstance(value, list):
            items = tuple(self.template(item, (*path, index)) for index, item in enumerate(value))
            return Fixed(node) if all(isinstance(item, Fixed) for item in items) else Items(items, node.span)
        return Fixed(node)

    def hole(self, value: dict[Key, Entry], span: Span, path: Path) -> Template:
        """The template of a hole. Raises SpecError."""
        word, *others = [word for word in HOLE_WORDS if word in value]
        wrong = [problems.several_words(word, other, value[other].key, value[word].key) for other in others]
        known = (*HOLE_WORDS, *_BESIDE[word])
        wrong += [problems.unknown_key(key, word, entry.key) for key, entry in value.items() if key not in known]
        if wrong:
            raise SpecError(wrong)
        match word:
            case "choose":
                return self.choose(value["choose"].node, span, path)
            case "range":
                node = value["range"].node
                steps = range_of(node)
                position = self.holes.open(span, path, steps.count)
                numbers = steps.numbers()
                options = tuple(Fixed(Node(number, node.span)) for number in numbers)
                return self.holes.close(Options(position, options, span), numbers)
            case _ if "cases" in value:
                return self.cases(value, span, (*path, "cases"))
        return self.tie(value, span)

    def choose(self, node: Node, span: Span, path: Path) -> Template:
        """One of the options as written, which may have holes."""
        if not isinstance(node.value, list) or not node.value:
            raise SpecError(problems.no_options(node.span, plain(node)))
        if len(node.value) > MAX_OPTIONS:
            raise SpecError(problems.too_many_options(node.span, len(node.value)))
        seen: dict[Hashable, Span] = {}
        for option in node.value:
            first = seen.setdefault(_identity(option), option.span)
            if first is not option.span:
                self.found.append(problems.same_option(option.span, first))
        position = self.holes.open(span, path, len(node.value))
        options = (self.template(option, (*path, "choose", index)) for index, option in enumerate(node.value))
        return self.holes.close(Options(position, tuple(options), span), map(plain, node.value))

    def tie(self, value: dict[Key, Entry], span: Span) -> Template:
        """The value of a name, or a number worked out from it."""
        name = self.name(value["tie"].node)
        times, over = self.operand("times", value), self.operand("over", value)
        if "times" not in value and "over" not in value:
            return Tie(name, span)
        decimal = any(key in value and isinstance(value[key].node.value, float) for key in ("times", "over"))
        return Product(name, times, over, decimal, span)

    def operand(self, key: str, value: dict[Key, Entry]) -> Fraction | str:
        """A number or a known name; 1 where there is none."""
        if key not in value:
            return Fraction(1)
        node = value[key].node
        if isinstance(node.value, str):
            return self.name(node)
        number = exact(node.value)
        if number is None or (key == "over" and number == 0):
            raise SpecError(name_problems.operand(node.span, key, plain(node)))
        return number

    def name(self, node: Node) -> str:
        """A name of `let`, read by now."""
        name = node.value
        if not isinstance(name, str) or name not in self.let:
            raise SpecError(name_problems.unknown_name(node.span, plain(node), self.let))
        if name not in self.names:
            before = len(self.found)
            read = self.names[name] = self.template(self.let[name].node, ("let", name))
            self.supports[name] = support(read, self.supports)
            tied = {other for inner in walk(read) for other in names_in(inner)}
            if len(self.found) > before or tied & self.broken:
                self.broken.add(name)
        return name

    def cases(self, value: dict[Key, Entry], span: Span, path: Path) -> Template:
        """What belongs to the value of a name; of a name that is not open, the one case that it has."""
        name, listed = self.name(value["tie"].node), value["cases"].node
        beside = [problems.cases_beside(key, value[key].key) for key in ("times", "over") if key in value]
        if beside:
            raise SpecError(beside)
        if not isinstance(listed.value, dict) or not listed.value:
            raise SpecError(name_problems.cases_form(listed.span, plain(listed)))
        entries = {str(key): entry for key, entry in reversed(listed.value.items())}
        deciding = self.supports[name]
        if not deciding and name not in self.broken:
            word = word_under(self.names, name, {}, span)
            if word not in entries:
                raise SpecError(name_problems.without_case(name, [word], span))
            return self.template(entries[word].node, (*path, word))
        if len(deciding) != 1:
            read = {str(key): self.template(entry.node, (*path, key)) for key, entry in listed.value.items()}
            self.found.extend(open_holes(name, read, len(deciding)))
            return Cases(name, read, None, {}, span)
        (decider,) = deciding
        indices = options_by_case(self.names, name, self.holes.listed[decider])
        if indices and name not in self.broken:
            self.found.extend(unmatched(name, self.let[name], entries, indices, span))
        # The holes of a case that is not reached are none of this space.
        read = {word: self.template(entries[word].node, (*path, word)) for word in indices if word in entries}
        return Cases(name, read, decider, indices, span)


def _identity(node: Node) -> Hashable:
    """What is equal for equal options: 4 and 4.0 are, 1 and true are not."""
    value = node.value
    if isinstance(value, dict):
        return frozenset((key, _identity(entry.node)) for key, entry in value.items())
    if isinstance(value, list):
        return tuple(map(_identity, value))
    return (isinstance(value, bool), value)
