"""Spaces: specs with holes. Reading one, counting its points, filling it in."""

from hiera_search.space.filling import ABSENT
from hiera_search.space.load import load_space
from hiera_search.space.refusals import Refused
from hiera_search.space.space import Hole, Space

__all__ = ["ABSENT", "Hole", "Refused", "Space", "load_space"]
