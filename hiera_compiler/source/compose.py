"""Text → tree, by the parser's events only: no recursion and nothing unbounded, whatever the text holds."""

import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from hiera_compiler.diagnostics import Diagnostic, Span, SpecError, Text
from hiera_compiler.source import problems
from hiera_compiler.source.limits import MAX_DEPTH, MAX_NODES, MAX_PROBLEMS
from hiera_compiler.source.marks import block_span, first_line, flow_span, scalar_span, span_of
from hiera_compiler.source.scalars import NumberTooLongError, resolve
from hiera_compiler.source.syntax import not_yaml
from hiera_compiler.source.tree import Entry, Key, Node

# The C parser is ten times faster; wheels of PyYAML have it, some source builds do not.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Control characters, and what older YAML takes for a line break: invisible in an editor, so never meant.
_HIDDEN = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_TAG_LINE = re.compile(r"^%TAG\b", re.MULTILINE)


def compose(text: Text, start: int = 0) -> Node | None:
    """The tree of the text from the character `start` of its first line, or None for a text without a value.

    Raises SpecError with every problem found.
    """
    return _Composer(text, start).run()


@dataclass
class _Frame:
    """A collection being read; `size` and `height` count what its aliases expand to."""

    start: Span
    flow: bool
    items: list[Node] | None
    anchor: str | None
    before: int
    entries: dict[Key, Entry] = field(default_factory=dict)
    key: tuple[Key | None, Span] | None = None
    height: int = 1
    last: Span | None = None
    # The end column of what lies on the line where the collection starts.
    reach: int = 0


@dataclass(frozen=True)
class _Anchor:
    node: Node
    size: int
    height: int


class _Composer:
    def __init__(self, text: Text, start: int) -> None:
        self.text = text
        # Blanks in place of what is skipped keep the columns right.
        self.content = " " * start + text.content[start:]
        self.found: list[Diagnostic] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchor | None] = {}
        self.count = 0
        self.root: Node | None = None
        self.documents = 0

    def run(self) -> Node | None:
        hidden = _HIDDEN.search(self.text.content)
        if hidden is not None:
            self.fail(problems.hidden_character(self.text, hidden.start()))
        # The parser compares each %TAG line with all before it, which takes quadratic time.
        tag_line = _TAG_LINE.search(self.text.content)
        if tag_line is not None:
            self.fail(problems.tag(problems.span_at(self.text, tag_line.start(), tag_line.end()), "%TAG"))
        try:
            for event in yaml.parse(self.content, Loader=_LOADER):
                self.take(event)
        except yaml.YAMLError as error:
            self.fail(not_yaml(self.text, error))
        if self.found:
            raise SpecError(self.found)
        return None if self.root is None or self.is_absent(self.root) else self.root

    @staticmethod
    def is_absent(root: Node) -> bool:
        """Whether the parser made up a null for a text without a value."""
        return root.value is None and (root.span.line, root.span.column) == (
            root.span.end_line,
            root.span.end_column,
        )

    def report(self, diagnostic: Diagnostic) -> None:
        self.found.append(diagnostic)
        if len(self.found) >= MAX_PROBLEMS:
            raise SpecError(self.found)

    def fail(self, diagnostic: Diagnostic) -> NoReturn:
        raise SpecError([*self.found, diagnostic]) from None

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.fail(problems.second_document(span_of(self.text, event)))
        elif isinstance(event, yaml.ScalarEvent):
            self.open_node(event)
            node = Node(self.scalar(event), scalar_span(self.text, event))
            self.close_node(node, event.anchor, size=1, height=0)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self.open_node(event)
            self.open_collection(event)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self.close_collection(event)

    def open_node(self, event: Any) -> None:
        self.charge(1, span_of(self.text, event))
        if event.tag is not None:
            self.report(problems.tag(span_of(self.text, event), event.tag))

    def charge(self, size: int, span: Span) -> None:
        self.count += size
        if self.count > MAX_NODES:
            self.fail(problems.too_many_values(span, by_alias=size > 1))

    def scalar(self, event: Any) -> Any:
        # implicit[0] holds for a plain, that is unquoted, scalar.
        if not event.implicit[0] or event.tag is not None:
            return event.value
        try:
            return resolve(event.value)
        except NumberTooLongError:
            self.report(problems.number_too_long(span_of(self.text, event), event.value))
            return 0

    def alias(self, event: Any) -> None:
        span = span_of(self.text, event)
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            known = [name for name, closed in self.anchors.items() if closed]
            inside = event.anchor in self.anchors
            self.report(problems.alias(span, event.anchor, inside, known))
            self.close_node(Node(None, span), None, size=1, height=0)
            return
        self.charge(anchor.size, span)
        if len(self.stack) + anchor.height > MAX_DEPTH:
            self.fail(problems.too_deep(span))
        self.close_node(Node(anchor.node.value, span), None, anchor.size, anchor.height)

    def open_collection(self, event: Any) -> None:
        span = span_of(self.text, event)
        if len(self.stack) >= MAX_DEPTH:
            self.fail(problems.too_deep(span))
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        items: list[Node] | None = [] if isinstance(event, yaml.SequenceStartEvent) else None
        self.stack.append(_Frame(span, bool(event.flow_style), items, event.anchor, self.count - 1))

    def close_collection(self, event: Any) -> None:
        frame = self.stack.pop()
        value: Any = frame.entries if frame.items is None else frame.items
        end = span_of(self.text, event)
        place = flow_span(frame.start, end, frame.last) if frame.flow else block_span(frame.start, frame.reach)
        node = Node(value, place)
        self.close_node(node, frame.anchor, self.count - frame.before, frame.height)

    def close_node(self, node: Node, anchor: str | None, size: int, height: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = _Anchor(node, size, height)
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.last = node.span
        if node.span.line == frame.start.line:
            frame.reach = first_line(node.span).end_column
        frame.height = max(frame.height, height + 1)
        if frame.items is not None:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = (self.as_key(frame, node), node.span)
        else:
            key, span = frame.key
            frame.key = None
            if key is not None:
                frame.entries[key] = Entry(span, node)

    def as_key(self, frame: _Frame, node: Node) -> Key | None:
        """The key that a node stands for, or None after a report."""
        key = node.value
        if isinstance(key, bool) or not isinstance(key, str | int):
            self.report(problems.key_form(node.span, key))
            return None
        if key == "<<":
            self.report(problems.merge_key(node.span))
            return None
        if key in frame.entries:
            self.report(problems.duplicate_key(key, node.span, frame.entries[key].key))
            return None
        return key
