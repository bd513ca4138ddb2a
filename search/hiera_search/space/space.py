"""A space: a spec with holes, and all that its points share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hiera_compiler.source import Path, Source
from hiera_compiler.source.tree import Entry, Node, source_of
from hiera_search.space.filling import ABSENT, Choice, Filling, plain, step
from hiera_search.space.template import Cases, Fields, Fixed, Items, Options, Template, Tie, support

if TYPE_CHECKING:
    # Reading and listing spaces goes without numpy; who has choices in arrays has imported it.
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Hole:
    """A value left open: what it is called, what it chooses among, and where it exists.

    An option that has holes of its own stands here as it is written. The hole exists where each of the holes at
    the positions in `conditions` has one of the options there; where it does not, its choice means nothing.
    """

    name: str
    options: tuple[Any, ...]
    conditions: tuple[tuple[int, frozenset[int]], ...]


@dataclass(frozen=True, eq=False)
class Space:
    """A spec with holes.

    A *choice* is the index of one option for each hole, in the order of `holes`. `points` is the exact number of
    distinct choices, where a hole that does not exist counts once.
    """

    name: str
    source: Source
    holes: tuple[Hole, ...]
    points: int
    root: Template
    names: Mapping[str, Template]
    supports: Mapping[str, frozenset[int]]

    def digits(self) -> tuple[int, ...]:
        """The number of options of each hole."""
        return tuple(len(hole.options) for hole in self.holes)

    def active(self, choices: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Which holes exist: of choices (n, holes), a boolean for each."""
        import numpy as np

        found = np.ones(choices.shape, dtype=np.bool_)
        for position, hole in self._conditional:
            for other, allowed in hole.conditions:
                found[:, position] &= self._allowed(other, allowed)[choices[:, other]]
        return found

    def canonical(self, choices: NDArray[np.int32]) -> NDArray[np.int32]:
        """The choices (n, holes) with the holes that do not exist set to 0: equal rows are one point."""
        import numpy as np

        return np.where(self.active(choices), choices, np.int32(0))

    def below(self, path: Path, without: Collection[str] = ()) -> tuple[int, ...]:
        """The positions of the holes that decide what is at a path, but for the keys in `without`; sorted."""
        found: set[int] = set()
        for template in self._reached(path, found):
            for head in self._heads(template, found):
                for inner in _kept(head, without):
                    found |= support(inner, self.supports)
        return tuple(sorted(found))

    def value(self, path: Path, choice: Choice, without: Collection[str] = ()) -> Any:
        """The plain data at a path, but for the keys in `without`; ABSENT where the choice has no such place.

        Only the positions in `below(path, without)` are read of the choice. Raises Refused where a tie does not
        come out.
        """
        filling = Filling(self.names, choice)
        template = filling.at(self.root, path)
        if template is None:
            return ABSENT
        template = filling.head(template)
        if isinstance(template, Fields):
            inner = {key: one for key, (_, one) in template.entries.items() if key not in without}
            return {key: plain(filling.node(one)) for key, one in inner.items()}
        found = plain(filling.node(template))
        return {key: one for key, one in found.items() if key not in without} if isinstance(found, dict) else found

    def has(self, path: Path, key: str) -> bool:
        """Whether some choice has this key in the mapping at a path."""
        heads = (head for template in self._reached(path, set()) for head in self._heads(template, set()))
        return any(
            key in head.entries
            if isinstance(head, Fields)
            else isinstance(head, Fixed) and isinstance(head.node.value, dict) and key in head.node.value
            for head in heads
        )

    def length(self, path: Path) -> int:
        """The largest number of items that the list at a path may have; 0 where there is no list."""
        lengths = [0]
        for template in self._reached(path, set()):
            for end in self._heads(template, set()):
                if isinstance(end, Items):
                    lengths.append(len(end.items))
                elif isinstance(end, Fixed) and isinstance(end.node.value, list):
                    lengths.append(len(end.node.value))
        return max(lengths)

    def fill(self, choice: Sequence[int], name: str | None = None) -> Source:
        """The whole spec of a choice, each value with its place in the files of the space, under another name.

        Raises Refused where a tie does not come out.
        """
        node = Filling(self.names, choice).node(self.root)
        if name is not None and isinstance(node.value, dict):
            span = node.value["name"].node.span if "name" in node.value else node.span
            node = Node({**node.value, "name": Entry(span, Node(name, span))}, node.span)
        return source_of(node)

    @cached_property
    def _conditional(self) -> list[tuple[int, Hole]]:
        return [(position, hole) for position, hole in enumerate(self.holes) if hole.conditions]

    def _allowed(self, position: int, options: frozenset[int]) -> NDArray[np.bool_]:
        import numpy as np

        table = np.zeros(len(self.holes[position].options), dtype=np.bool_)
        table[list(options)] = True
        return table

    def _reached(self, path: Path, deciding: set[int]) -> list[Template]:
        """What may stand at a path; the holes that decide which of it are added to `deciding`."""
        reached = [self.root]
        for part in path:
            heads = [head for template in reached for head in self._heads(template, deciding)]
            inside = [inner for head in heads if (inner := step(head, part)) is not None]
            reached = list({id(inner): inner for inner in inside}.values())
        return reached

    def _heads(self, template: Template, deciding: set[int]) -> Iterator[Template]:
        """What a template may come to, holes and ties followed; the holes that decide it are added to `deciding`."""
        waiting, seen = [template], set[int]()
        while waiting:
            template = waiting.pop()
            if id(template) in seen:
                continue
            seen.add(id(template))
            match template:
                case Options():
                    deciding.add(template.position)
                    waiting.extend(template.options)
                case Tie():
                    waiting.append(self.names[template.name])
                case Cases():
                    deciding |= self.supports[template.name]
                    waiting.extend(template.cases.values())
                case _:
                    yield template


def _kept(template: Template, without: Collection[str]) -> list[Template]:
    if isinstance(template, Fields):
        return [inner for key, (_, inner) in template.entries.items() if key not in without]
    return [template]
