"""Prices of candidates by look-up: each distinct part of an architecture is lowered once, and the rest is addition.

A candidate is a stem, stages of blocks, a neck and a head. What a block costs depends on its own stage and on what
flows into it, and what a neck costs on the maps that it reads, so a table of parts gives the figures that the compiler
gives for the whole, to the last digit. Models of other tasks than to classify are compiled whole.
"""

from hiera_search.table.columns import Columns
from hiera_search.table.parts import capacity, memory_bytes
from hiera_search.table.table import Table
from hiera_search.table.whole import Whole

__all__ = ["Columns", "Table", "Whole", "capacity", "memory_bytes"]
